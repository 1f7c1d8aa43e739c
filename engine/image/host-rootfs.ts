/**
 * The host's own userland as an image, so that a stack runs on a machine that reaches no registry. A small skeleton directory is
 * the layer; `/usr` and the running Node are mounted read-only on top. Never `/home`, `/root`, `/var`, `/run`, `/tmp`: the skeleton
 * has them empty. Of `/etc` only what programs need to run, copied from a list: no keys, no shadow files, no service's configuration.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { ResolvedImage } from '../model/facts.ts';
import { DEFAULT_PATH, makeDirectory, makeFile, makeLayer } from './layer.ts';
import { readImageUsers } from './users.ts';

/** Links into /usr on a merged-/usr host; directories of their own on older ones. */
const USERLAND = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

const ETC_FILES = [
  'alternatives',
  'debian_version',
  'group',
  'host.conf',
  'inputrc',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'os-release',
  'passwd',
  'profile',
  'protocols',
  'services',
  'shells',
  'ssl/certs',
  'ssl/openssl.cnf',
  'timezone',
];

const EMPTY: readonly (readonly [name: string, mode: number])[] = [
  ['dev', 0o755],
  ['home', 0o755],
  ['mnt', 0o755],
  ['opt', 0o755],
  ['proc', 0o755],
  ['root', 0o700],
  ['run', 0o755],
  ['sys', 0o755],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['var', 0o755],
  ['var/lib', 0o755],
  ['var/log', 0o755],
  ['var/tmp', 0o1777],
];

export function resolveHostRootfs(imagesDirectory: string): ResolvedImage {
  const node = nodeInstallation();
  const digest = fingerprint(node);
  const skeleton = makeLayer(imagesDirectory, `host-rootfs-${digest}`, fillSkeleton);
  return {
    name: 'host-rootfs',
    digest,
    lowerdirs: [skeleton],
    binds: [
      { source: '/usr', target: '/usr' },
      ...USERLAND.filter(isOwnDirectory).map((name) => ({ source: `/${name}`, target: `/${name}` })),
      ...(node === undefined ? [] : [{ source: node, target: '/opt/node' }]),
    ],
    entrypoint: [],
    command: [],
    environment: { PATH: node === undefined ? DEFAULT_PATH : `/opt/node/bin:${DEFAULT_PATH}` },
    workingDir: '/',
    user: undefined,
    ...readImageUsers([skeleton]),
  };
}

/** Where the running Node is installed, if that is outside /usr: the directory above its `bin`. Only one that looks like an installation is mounted. */
function nodeInstallation(): string | undefined {
  const executable = fs.realpathSync(process.execPath);
  if (executable.startsWith('/usr/')) return undefined;
  const prefix = path.dirname(path.dirname(executable));
  return path.basename(path.dirname(executable)) === 'bin' && fs.existsSync(`${prefix}/include/node`) ? prefix : undefined;
}

/** From names, sizes and times alone: some thirty stat calls, no reading. */
function fingerprint(node: string | undefined): string {
  const hash = createHash('sha256').update(`3 ${node ?? ''}`);
  for (const name of ETC_FILES) {
    const stat = fs.statSync(`/etc/${name}`, { throwIfNoEntry: false });
    hash.update(`${name} ${stat?.size ?? ''} ${stat?.mtimeMs ?? ''}\n`);
  }
  for (const name of USERLAND) hash.update(`${name} ${isOwnDirectory(name)}\n`);
  return hash.digest('hex').slice(0, 12);
}

function isOwnDirectory(name: string): boolean {
  return fs.lstatSync(`/${name}`, { throwIfNoEntry: false })?.isDirectory() === true;
}

function fillSkeleton(skeleton: string): void {
  for (const [name, mode] of EMPTY) makeDirectory(`${skeleton}/${name}`, mode);
  makeDirectory(`${skeleton}/etc`, 0o755);
  for (const name of USERLAND) copyUserlandEntry(name, skeleton);
  for (const name of ETC_FILES) copyEtc(name, skeleton);
  for (const name of ['passwd', 'group']) {
    if (!fs.existsSync(`${skeleton}/etc/${name}`))
      makeFile(`${skeleton}/etc/${name}`, name === 'passwd' ? 'root:x:0:0:root:/root:/bin/sh\n' : 'root:x:0:\n');
  }
}

function copyUserlandEntry(name: string, skeleton: string): void {
  const stat = fs.lstatSync(`/${name}`, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(`/${name}`), `${skeleton}/${name}`);
  else if (stat?.isDirectory()) makeDirectory(`${skeleton}/${name}`, 0o755);
}

/** Certificates are links to links: what they lead to is copied, private keys (`/etc/ssl/private`) are not on the list. */
function copyEtc(name: string, skeleton: string): void {
  const source = `/etc/${name}`;
  if (!fs.existsSync(source)) return;
  const keepLinks = name === 'alternatives' || name === 'localtime' || name === 'os-release';
  makeDirectory(path.dirname(`${skeleton}/etc/${name}`), 0o755);
  fs.cpSync(source, `${skeleton}/etc/${name}`, {
    recursive: true,
    dereference: !keepLinks,
    verbatimSymlinks: keepLinks,
    preserveTimestamps: true,
    filter: (entry) => fs.existsSync(entry) || keepLinks,
  });
}
