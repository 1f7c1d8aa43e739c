/** Where this host's apt gets a Debian suite from (sources.list(5)). */
import fs from 'node:fs';

/** One-line entries for the suite, its updates and its security fixes. Undefined: none of the host's sources has the suite. */
export function hostSources(suite: string, apt = '/etc/apt'): string | undefined {
  const entries = sourceFiles(apt)
    .flatMap((file) =>
      file.endsWith('.sources') ? parseDeb822(fs.readFileSync(file, 'utf8')) : parseOneLine(fs.readFileSync(file, 'utf8')),
    )
    .filter(({ components, signedBy }) => components.includes('main') && isDebianKey(signedBy));
  const lines = entries
    .filter((entry) => [suite, `${suite}-updates`, `${suite}-security`, `${suite}/updates`].includes(entry.suite))
    .map(({ uri, suite: its, signedBy }) => `deb ${signedBy === undefined ? '' : `[signed-by=${signedBy}] `}${uri} ${its} main`);
  if (!entries.some((entry) => entry.suite === suite)) return undefined;
  return [...new Set(lines)].map((line) => `${line}\n`).join('');
}

export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  readonly signedBy: string | undefined;
}

function sourceFiles(apt: string): string[] {
  const parts = fs.existsSync(`${apt}/sources.list.d`) ? fs.readdirSync(`${apt}/sources.list.d`).sort() : [];
  const files = parts.filter((name) => /^[\w.-]+\.(list|sources)$/.test(name)).map((name) => `${apt}/sources.list.d/${name}`);
  return [`${apt}/sources.list`, ...files].filter((file) => fs.existsSync(file));
}

/** Others name their suites as Debian does, too, and have keys of their own. */
function isDebianKey(signedBy: string | undefined): boolean {
  return signedBy === undefined || /^\/\S*\/debian-archive-[\w.-]+$/.test(signedBy);
}

/** `deb [option=value …] uri suite component…` */
export function parseOneLine(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const [, options = '', uri, suite, components] = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line) ?? [];
    if (uri === undefined || suite === undefined || components === undefined) return [];
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return [{ uri, suite, components: words(components), signedBy }];
  });
}

/** Stanzas of `Types`, `URIs`, `Suites`, `Components`, each a list. */
export function parseDeb822(text: string): AptSource[] {
  const stanzas = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/);
  return stanzas.flatMap((stanza) => {
    const field = (name: string) => new RegExp(`^${name}:(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1]?.trim();
    if (!words(field('Types')).includes('deb') || /^(no|false|0|off|disable)$/i.test(field('Enabled') ?? '')) return [];
    const components = words(field('Components'));
    const signedBy = field('Signed-By');
    return words(field('URIs')).flatMap((uri) => words(field('Suites')).map((suite) => ({ uri, suite, components, signedBy })));
  });
}

function words(text = ''): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
