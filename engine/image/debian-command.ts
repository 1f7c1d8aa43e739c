/** A Debian image's inputs → the command line of mmdebstrap(1). */
import { createHash } from 'node:crypto';
import type { DebianSource } from '../../dsl/spec.ts';
import { TsstackError } from '../model/errors.ts';

/** To be raised when the same inputs make another image. */
const FORMAT = 1;

/** What the image is known by. @throws TsstackError `image` if an input would be taken for something else by apt. */
export function debianReference({ suite, packages, mirror }: DebianSource, architecture: string): string {
  if (!/^[a-z0-9][\w.-]{0,63}$/i.test(suite)) throw unusable('suite', suite);
  const wrong = packages.find((name) => !/^[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?([=/][\w.+:~-]+)?$/.test(name));
  if (wrong !== undefined) throw unusable('package', wrong);
  if (mirror !== undefined && !/^(https?|file|copy):\S+$/.test(mirror)) throw unusable('mirror', mirror);
  const inputs = JSON.stringify([FORMAT, suite, [...new Set(packages)].sort(), mirror ?? null, architecture]);
  return `tsstack.local/debian:${suite}-${createHash('sha256').update(inputs).digest('hex').slice(0, 16)}`;
}

function unusable(what: string, value: string): TsstackError {
  return new TsstackError(`cannot make a Debian image: \`${value}\` is no ${what}`, { code: 'image' });
}

export interface CommandOptions {
  /** Of this host for the suite, given on standard input. Undefined: mmdebstrap's own, or the mirror. */
  readonly hostSources: string | undefined;
  /** Of this host's apt, as `apt-config dump` prints them. */
  readonly aptOptions: readonly string[];
  /** Empty, or not there. */
  readonly directory: string;
}

/** As in the slim images of Debian: who looks for manual pages in a container is rare, and licences must be kept. */
const LEFT_OUT = ['/usr/share/man', '/usr/share/info', '/usr/share/locale', '/usr/share/doc', '/usr/share/lintian'];

/**
 * `--variant=apt`: the packages that are essential, and apt, so that a build on the image can install more. mmdebstrap itself leaves
 * out `path-exclude` while it unpacks only by a filter that takes most of its time: hence the first hook, at once after that.
 */
export function mmdebstrapArgs(
  { suite, packages, mirror }: DebianSource,
  { hostSources, aptOptions, directory }: CommandOptions,
): string[] {
  const hook = (name: string) => `--hook-dir=/usr/share/mmdebstrap/hooks/${name}`;
  return [
    '--mode=root',
    '--variant=apt',
    '--format=directory',
    // Without it, the old merger of /bin and /usr/bin comes, and a whole perl with it.
    hook('maybe-merged-usr'),
    ...(mirror?.startsWith('file:') ? [hook('file-mirror-automount')] : []),
    `--extract-hook=${LEAVE_OUT}`,
    `--customize-hook=${CLEAN_UP}`,
    ...(packages.length > 0 ? [`--setup-hook=${wouldInstall(packages)}`, `--include=${packages.join(',')}`] : []),
    ...aptOptions.map((option) => `--aptopt=${option}`),
    suite,
    directory,
    ...(mirror !== undefined ? [mirror] : hostSources !== undefined ? ['-'] : []),
  ];
}

/** mmdebstrap looks for them only when the essential packages are installed: most of the time would be lost on a misspelt name. */
function wouldInstall(packages: readonly string[]): string {
  return `env --chdir="$1" APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get install --simulate -qq ${packages.join(' ')} > /dev/null`;
}

/** dpkg(1), `--path-exclude`. The image is no disk whose loss of power anybody fears: `force-unsafe-io`, as in Docker's images. */
const LEAVE_OUT = [
  'set -eu; mkdir -p "$1/etc/dpkg/dpkg.cfg.d"; printf "%s\\n" force-unsafe-io',
  ...LEFT_OUT.map((path) => `'path-exclude=${path}/*'`),
  `'path-include=/usr/share/doc/*/copyright' > "$1/etc/dpkg/dpkg.cfg.d/tsstack";`,
  `for path in ${LEFT_OUT.join(' ')}; do [ ! -d "$1$path" ] || find "$1$path" ! -type d ! -name copyright -delete; done`,
].join(' ');

/** What says when and where it was made, and options that are this host's. */
const CLEAN_UP = [
  'set -eu; rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/var/cache/ldconfig/aux-cache" "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old;',
  'find "$1/var/log" -type f -exec truncate -s 0 {} +; for name in hostname resolv.conf; do rm -f "$1/etc/$name"; : > "$1/etc/$name"; done',
].join(' ');

/** Those that say how a mirror is reached and how old its answer may be (apt.conf(5), "THE ACQUIRE GROUP"). */
export function aptOptionsOf(dump: string): string[] {
  return dump
    .split('\n')
    .filter((line) => /^Acquire::(https?|ftp|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date|Max-ValidTime)\b.*";$/.test(line))
    .map((line) => line.replace(/;$/, ''));
}
