/** `/etc/tsstack/registries.json`: how this host reaches registries. docs/registries.md describes it. */
import { nearest } from '../../dsl/suggest.ts';

export interface RegistrySettings {
  /** Asked first, in this order, when pulling. With scheme, without a slash at the end; a path in it comes before the repository. */
  readonly mirrors: readonly string[];
  /** Any certificate will do, and plain HTTP if it does not speak TLS. */
  readonly insecure: boolean;
  /** File of PEM certificates that are trusted in addition. */
  readonly ca: string | undefined;
}

export type RegistriesFile = Readonly<Record<string, RegistrySettings>>;

const KEYS = ['mirrors', 'insecure', 'ca'];

/** Throws `Error` with what is wrong in it, by path. */
export function parseRegistriesFile(text: string): RegistriesFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const top = object(value, 'it');
  onlyKeys(top, ['registries'], '');
  const registries = object(top['registries'] ?? {}, '`registries`');
  return Object.fromEntries(Object.entries(registries).map(([registry, entry]) => [registry, settings(registry, entry)]));
}

function settings(registry: string, entry: unknown): RegistrySettings {
  const where = `registries["${registry}"]`;
  if (registry === '' || /[/\s]/.test(registry)) throw new Error(`\`${registry}\` is not a registry: write host or host:port`);
  const value = object(entry, `\`${where}\``);
  onlyKeys(value, KEYS, `${where}.`);
  const { mirrors = [], insecure = false, ca } = value;
  if (!Array.isArray(mirrors)) throw new Error(`\`${where}.mirrors\` is not a list`);
  if (typeof insecure !== 'boolean') throw new Error(`\`${where}.insecure\` is neither true nor false`);
  if (ca !== undefined && (typeof ca !== 'string' || !ca.startsWith('/'))) throw new Error(`\`${where}.ca\` is not an absolute path`);
  return { mirrors: mirrors.map((mirror, index) => mirrorUrl(mirror, `${where}.mirrors[${index}]`)), insecure, ca };
}

function mirrorUrl(mirror: unknown, where: string): string {
  const text = typeof mirror === 'string' ? mirror : '';
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const url = text !== '' && URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw new Error(`\`${where}\` is not the address of a registry: ${JSON.stringify(mirror)}`);
  }
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}

function onlyKeys(value: Readonly<Record<string, unknown>>, known: readonly string[], prefix: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const meant = nearest(unknown, known);
  throw new Error(`\`${prefix}${unknown}\` is not known${meant === undefined ? '' : `; did you mean \`${meant}\`?`}`);
}

function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${name} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}
