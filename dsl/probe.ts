import type { IssuePath } from './issues.ts';
import { isPort, readPort } from './ports.ts';
import type { HealthcheckShape, HttpProbeShape } from './schema.ts';
import type { Scope } from './scope.ts';
import type { ProbeSpec } from './spec.ts';
import { readTexts } from './texts.ts';

const PROBES = ['test', 'http', 'tcp', 'log'] as const;

/** What a healthcheck asks: the one probe that it has. `disabled`: it says that there is none. Undefined: it is wrong. */
export function readProbe(written: HealthcheckShape, path: IssuePath, scope: Scope): ProbeSpec | 'disabled' | undefined {
  const given = PROBES.filter((name) => written[name] !== undefined);
  if (given.length > 1) {
    const names = given.map((name) => `\`${name}\``).join(', ');
    return scope.log.add(path, undefined, `has more than one probe: ${names}; one of them tells whether it is healthy`);
  }
  if (written.test !== undefined) return readTest(written.test, [...path, 'test'], scope);
  if (written.http !== undefined) return readHttp(written.http, [...path, 'http'], scope);
  if (written.tcp !== undefined) return readTcp(written.tcp, [...path, 'tcp'], scope);
  if (written.log !== undefined) return readLog(written.log, [...path, 'log'], scope);
  // A probe whose shape was wrong has been told and taken out already.
  const told = scope.log.issues.some((issue) => path.every((key, index) => issue.path[index] === key) && isProbe(issue.path[path.length]));
  return told ? undefined : scope.log.add(path, undefined, 'has no probe: give it `test`, `http`, `tcp` or `log`');
}

function readTest(test: string | readonly string[], path: IssuePath, scope: Scope): ProbeSpec | 'disabled' | undefined {
  const [how, ...words] = typeof test === 'string' ? ['CMD-SHELL', test] : test;
  if (how === 'NONE' && words.length === 0) return 'disabled';
  const first = words[0];
  if (first === undefined || first.trim() === '') return scope.log.add(path, test, 'has no command');
  if (how === 'CMD') return { kind: 'exec', argv: words };
  if (how === 'CMD-SHELL' && words.length === 1) return { kind: 'exec', argv: ['/bin/sh', '-c', first] };
  return scope.log.add(path, test, "must be text, `['CMD', …]`, `['CMD-SHELL', text]` or `['NONE']`");
}

function readHttp(written: number | string | HttpProbeShape, path: IssuePath, scope: Scope): ProbeSpec | undefined {
  if (typeof written === 'string') {
    const [, port = '', target = '/'] = /^(\d{1,5})(\/.*)?$/s.exec(written) ?? [];
    if (!isPort(Number(port))) return scope.log.add(path, written, 'must be `PORT/path`, such as `8080/ready`');
    return readHttpParts({ port: Number(port), path: target, headers: {} }, { port: path, path, headers: path }, scope);
  }
  const parts = typeof written === 'number' ? { port: written } : written;
  const at = (key: string): IssuePath => (typeof written === 'number' ? path : [...path, key]);
  const { port, path: target = '/', headers } = parts;
  return readHttpParts(
    { port, path: target, headers: readTexts(headers) },
    { port: at('port'), path: at('path'), headers: at('headers') },
    scope,
  );
}

interface HttpParts<P, T, H> {
  readonly port: P;
  readonly path: T;
  readonly headers: H;
}

function readHttpParts(
  { port, path, headers }: HttpParts<number, string, Readonly<Record<string, string>>>,
  at: HttpParts<IssuePath, IssuePath, IssuePath>,
  scope: Scope,
): ProbeSpec | undefined {
  const valid = readPort(port, at.port, scope);
  // RFC 9112, 3.2: a request target has neither blanks nor anything beyond ASCII.
  if (!/^\/[\x21-\x7e]*$/.test(path)) scope.log.add(at.path, path, 'must be a path that starts with `/`, percent-encoded');
  for (const [name, value] of Object.entries(headers)) {
    // RFC 9110, 5.1 and 5.5: a token, and what is visible, with blanks in between.
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) scope.log.add([...at.headers, name], undefined, 'is no name of a header');
    if (!/^[\t\x20-\x7e]*$/.test(value)) scope.log.add([...at.headers, name], value, 'is no value of a header');
  }
  return valid === undefined ? undefined : { kind: 'http', port: valid, path, headers };
}

function readTcp(written: number, path: IssuePath, scope: Scope): ProbeSpec | undefined {
  const port = readPort(written, path, scope);
  return port === undefined ? undefined : { kind: 'tcp', port };
}

/** Text is matched as it is. Of a regular expression's flags `g` and `y` are left out: they make it remember where it was. */
function readLog(written: string | RegExp, path: IssuePath, scope: Scope): ProbeSpec | undefined {
  if (typeof written !== 'string') return { kind: 'log', pattern: written.source, flags: written.flags.replace(/[gy]/g, '') };
  if (written === '') return scope.log.add(path, undefined, 'is empty: every line has that');
  if (written.includes('\n')) return scope.log.add(path, undefined, 'has a line break: it is looked for in one line at a time');
  return { kind: 'log', pattern: written.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), flags: '' };
}

function isProbe(key: string | number | undefined): boolean {
  return PROBES.some((name) => name === key);
}
