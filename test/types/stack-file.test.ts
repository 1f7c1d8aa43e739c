/** What the compiler says of stack files: where it points, and what it offers. The sources mark the place with `/*!*\/` before it. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const packageRoot = fileURLToPath(new URL('../../', import.meta.url));
const HEAD = `import { build, debian, defineStack, from, hostRootfs, ociImage, rootfs } from 'tsstack';\n`;
const OPTIONS: ts.CompilerOptions = {
  strict: true,
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.Preserve,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  paths: { tsstack: [join(packageRoot, 'dsl/index.ts')] },
};

/** Sources of all tests, so that one program holds them all: to make one takes the compiler a second. */
const sources: { readonly text: string; readonly marks: readonly string[] }[] = [];
let directory = '';
let program: ts.Program | undefined;
const fileOf = (index: number) => join(directory, `case-${index}.ts`);
beforeAll(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'tsstack-types-')));
  for (const [index, { text }] of sources.entries()) writeFileSync(fileOf(index), text);
  program = ts.createProgram({ rootNames: sources.map((_, index) => fileOf(index)), options: OPTIONS });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Called while tests are collected. What it returns tells `line:column` of the marks, and of what the compiler says. */
function checked(source: string) {
  const marks: string[] = [];
  const lines = (HEAD + source).split('\n').map((line, index) => {
    let text = line;
    for (let at = text.indexOf('/*!*/'); at >= 0; at = text.indexOf('/*!*/')) {
      marks.push(`${index + 1}:${at + 1}`);
      text = text.slice(0, at) + text.slice(at + 5);
    }
    return text;
  });
  const index = sources.push({ text: lines.join('\n'), marks }) - 1;
  return () => {
    const file = program?.getSourceFile(fileOf(index));
    if (program === undefined || file === undefined) throw new Error('the program has not been made');
    const diagnostics = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    const places = diagnostics.map(({ start = 0 }) => {
      const { line, character } = file.getLineAndCharacterOfPosition(start);
      return `${line + 1}:${character + 1}`;
    });
    return { marks, places, text: diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n') };
  };
}

const BODY = `{
  services: {
    db: { image: 'x', healthcheck: { test: ['CMD', 'true'] }, volumes: ['data:/d', './a:/a:ro', '/b:/b', '~/c:/c', '.:/d'] },
    idle: { image: 'x', healthcheck: { log: /ready/i } },
    beside: { image: 'x', networkMode: 'service:db', extraHosts: undefined },
    outside: { image: 'x', networkMode: 'host' },
    alone: { image: 'x', networkMode: 'none', extraHosts: ['db:[::1]'] },
    made: { build: './api', image: 'shop/api', develop: {} },
    longer: { build: { context: 'api', dockerfile: 'D', target: 't', args: { A: 1, B: null }, secrets: { key: { file: './key' } }, labels: { a: 1 } } },
    packages: { image: debian({ suite: 'bookworm', packages: ['redis'] }), command: 'redis-server' },
    loaded: { image: ociImage('./image.tar', { image: 'a:1' }) },
    typed: {
      image: build(from(build(from(debian({ suite: 'stable' })), (b) => b)), (b) => b
        .run('npm ci', { cache: ['/root/.npm'] }).copy(['./src', 'a'], '/app/', { from: 'x', chown: 1, chmod: 0o755, exclude: '*.md' })
        .env({ A: 1 }).workdir('/app').user('node').cmd(['node']).entrypoint('x').expose(80, '53/udp').volume('/d').label({ a: true }).stopSignal('INT'),
        { tags: ['t'], context: '..' }),
    },
    job: { kind: 'job', image: hostRootfs(), command: 'true', dependsOn: ['db'], networks: ['back', 'default'], rerun: 'always' },
    web: {
      image: rootfs('./root'),
      command: ['a', 'b'],
      environment: { A: 'a', B: 1, C: true, D: null, E: undefined },
      envFile: ['.env', { path: 'b', required: false }],
      dependsOn: { db: 'healthy', job: { condition: 'completed', restart: true }, idle: { restart: true } },
      healthcheck: { http: '8080/ready', restart: false },
      postStart: ['warm', ['up', 'all'], { command: 'x', user: 1, timeout: '5s', environment: { A: null } }],
      preStop: ['nginx', '-s', 'quit'],
      onStarted: ({ container, addresses, ports, log }) => log(container + addresses['back'] + ports.map(({ hostPort }) => hostPort)),
      onHealthy: async ({ signal, at }) => { await fetch('http://x/' + at.toFixed(), { signal }); return 5; },
      onExited(event) { const code: number | undefined = event.exit?.code; event.log(String(code)); },
      hookTimeout: '5s',
      update: { order: 'start-first', parallelism: 2 },
      develop: { watch: [{ path: './src', action: 'sync', target: '/src', ignore: ['x'] }, { path: 'a', action: 'restart' },
        { path: 'b', action: 'sync+exec', target: '/b', exec: ['nginx', '-s', 'reload'] }] },
      networks: { back: { aliases: ['x'], ipv4Address: '10.0.0.2', ipv6Address: 'fd00::2', macAddress: '02:00:00:00:00:01', priority: 5 }, default: null },
      dns: ['192.0.2.1'], dnsSearch: 'example.com', dnsOpt: ['ndots:2'], extraHosts: { up: 'host-gateway', two: ['192.0.2.1', '::1'] }, strictPorts: false,
      volumes: [{ type: 'volume', source: 'data', target: '/d' }, { type: 'bind', source: './x', target: '/x' }, { type: 'tmpfs', target: '/t', size: '1m' }],
      ports: [80, '81:81', { target: 82, public: true }, { target: 83, published: '8000-8010', hostAddress: '::1', strictPorts: true }],
      restart: 'on-failure:3',
      limits: { cpus: 1.5, memory: '512MiB' },
      stopGracePeriod: '10s',
    },
  },
  networks: {
    back: { internal: true, hostAccess: true, subnet: '10.0.0.0/16', ipRange: '10.0.1.0/24', ipv6: true },
    lan: { driver: 'macvlan', parent: 'eth0', mode: 'vepa', ipv6: { subnet: 'fd00::/64', nat: false } },
    theirs: { external: 'infra/front' },
    alsoTheirs: { external: { stack: 'infra', network: 'front', directory: '../infra' } },
    office: { external: { bridge: 'br0' }, subnet: '10.9.0.0/24', shared: false },
  },
  volumes: { data: null },
  strictPorts: true,
}`;

it.each([
  ['an object', checked(`export default defineStack(${BODY});`)],
  ['a function', checked(`export default defineStack(({ env, command, mode, instance, profiles }) => (${BODY}));`)],
  ['an async function', checked(`export default defineStack(async ({ env }) => { const x = await env['X']; return ${BODY}; });`)],
  ['a function that returns a definition', checked(`export default defineStack(async () => defineStack(${BODY}));`)],
])('a stack that is right is right as %s', (_, check) => {
  expect(check().text).toBe('');
});

const parts = checked(`const count: number = 3;
const names = Array.from({ length: count }, (_, index) => \`w\${index}\`);
export default defineStack({
  services: Object.fromEntries(names.map((name) => [name, { image: 'x', networks: ['n' as const], volumes: ['v:/v' as const] }])),
  networks: { n: {} },
  volumes: { v: {} },
});`);
const partsInFunction = checked(`interface Services { web: { image: string; command: string[] } }
const services: Services = { web: { image: 'x', command: [] } };
export const a = defineStack(() => ({ services }));
export const b = defineStack(async () => ({ services: Object.fromEntries(['a'].map((name) => [name, { image: 'x', onExited: () => name }])) }));`);
it('a stack made of parts is right', () => {
  expect(parts().text).toBe('');
  expect(partsInFunction().text).toBe('');
});

describe.each([
  ['as an object', (body: string) => `export default defineStack(${body});`],
  [
    'as a definition returned from an async function',
    (body: string) => `export default defineStack(async ({ env }) => { return defineStack(${body}); });`,
  ],
])('%s, the compiler points at the very key or name', (_, stack) => {
  const web = (settings: string) =>
    stack(
      `{\n  services: {\n    db: { image: 'x' },\n    web: { ${/^(image|build):/.test(settings.replace('/*!*/', '')) ? '' : `image: 'x',`}\n      ${settings} },\n  },\n  networks: { back: {} },\n  volumes: { pgdata: {} },\n}`,
    );
  it.each(
    [
      ['dependsOn: {\n        /*!*/dbb: "healthy" }', "'dbb' does not exist"],
      ['dependsOn: { db: "started",\n        /*!*/dbb: "healthy" }', "'dbb' does not exist"],
      ['dependsOn: ["db", /*!*/"dbb"]', `Type '"dbb"' is not assignable to type '"db" | "web"'`],
      ['dependsOn: { /*!*/dbb: { restart: true } }', "'dbb' does not exist"],
      ['dependsOn: { db: { condition: "healthy", /*!*/restrt: true } }', "'restrt' does not exist"],
      ['dependsOn: { db: { /*!*/restrt: true } }', "'restrt' does not exist"],
      ['/*!*/dependsOn: { db: { condition: "helthy" } }', `Type '"helthy"' is not assignable`],
      ['healthcheck: { /*!*/htpp: 80 }', "'htpp' does not exist"],
      ['healthcheck: { /*!*/http: "localhost/x" }', `Type '"localhost/x"' is not assignable`],
      ['healthcheck: { http: { port: 80, /*!*/header: {} } }', "'header' does not exist"],
      ['postStart: { command: "x", /*!*/usr: 1 }', "'usr' does not exist"],
      ['preStop: [["a"], { command: "x", /*!*/usr: 1 }]', "'usr' does not exist"],
      ['/*!*/onHealty: () => 1', "'onHealty' does not exist"],
      ['onHealthy: ({ /*!*/contaner }) => contaner', "'contaner' does not exist"],
      ['update: { /*!*/parallel: 1 }', "'parallel' does not exist"],
      ['update: { /*!*/order: "start" }', `Type '"start"' is not assignable`],
      ['develop: { watch: [/*!*/{ path: "a", action: "sync" }] }', "Property 'target' is missing"],
      ['develop: { watch: [/*!*/{ path: "a", action: "sync+exec", target: "/a" }] }', "Property 'exec' is missing"],
      ['develop: { watch: [{ path: "a", action: "restart", /*!*/target: "/a" }] }', "'target' does not exist"],
      ['develop: { watch: [{ path: "a", /*!*/action: "rebuild" }] }', `Type '"rebuild"' is not assignable`],
      ['develop: { watch: [{ path: "a", action: "restart", /*!*/ignroe: [] }] }', "'ignroe' does not exist"],
      ['networks: [/*!*/"bakc"]', `is not assignable to type '"default" | "back"'`],
      ['networks: { back: {}, /*!*/bakc: {} }', "'bakc' does not exist"],
      ['networks: { back: { /*!*/alias: ["x"] } }', "'alias' does not exist"],
      ['/*!*/networks: { back: { priority: "high" } }', "Type 'string' is not assignable to type 'number'"],
      ['/*!*/networkMode: "service:dbb"', `Type '"service:dbb"' is not assignable`],
      ['/*!*/networkMode: "hots"', `Type '"hots"' is not assignable`],
      ['ports: [{ target: 80, /*!*/publish: 80 }]', "'publish' does not exist"],
      ['/*!*/extraHosts: { a: 5 }', "Type 'number' is not assignable"],
      ['volumes: ["./x:/y", /*!*/"pgdta:/x"]', `Type '"pgdta:/x"' is not assignable`],
      ['volumes: [{ type: "volume", /*!*/source: "pgdta", target: "/x" }]', `Type '"pgdta"' is not assignable to type '"pgdata"'`],
      ['volumes: [/*!*/"pgdata:x"]', `Type '"pgdata:x"' is not assignable`],
      ['/*!*/comand: ["x"]', "'comand' does not exist"],
      ['limits: { /*!*/memroy: "1g" }', "'memroy' does not exist"],
      ['build: { /*!*/contxt: "." }', "'contxt' does not exist"],
      ['/*!*/build: build(from("x"), (b) => b)', 'not assignable'],
      ['image: build(from(/*!*/hostRootfs()), (b) => b)', 'is not assignable to parameter of type'],
      ['image: build(from("x"), (b) => b./*!*/rnu("x"))', "Property 'rnu' does not exist"],
      ['image: build(from("x"), (b) => b.run("x", { /*!*/caches: [] }))', "'caches' does not exist"],
      ['image: build(from("x"), /*!*/(b) => { b.run("x"); })', "Type 'void' is not assignable"],
      ['image: debian({ suite: "x", /*!*/package: [] })', "'package' does not exist"],
      ['/*!*/restart: "alway"', `Did you mean '"always"'`],
      ['/*!*/kind: "jobb"', `Did you mean '"job"'`],
    ].map(([settings = '', message = '']) => ({ settings, message, check: checked(web(settings)) })),
  )('$settings', ({ message, check }) => {
    const { marks, places, text } = check();
    expect(places, text).toEqual(marks);
    expect(text).toContain(message);
  });
});

describe.each([
  ['a function', ''],
  ['an async function', 'async '],
])('in %s the compiler points at the function, and its message tells what is wrong', (_, keyword) => {
  const body = (settings: string) =>
    `{ services: { db: { image: 'x' }, web: { image: 'x', ${settings} } }, networks: { back: {} }, volumes: { pgdata: {} } }`;
  const cases: [string, RegExp][] = [
    ['dependsOn: { db: "started", dbb: "healthy" }', /'(?:services\.web\.)?dependsOn(?:\.dbb)?'/],
    ['dependsOn: ["dbb"]', /"dbb"/],
    ['dependsOn: { db: { condition: "healthy", restrt: true } }', /restrt/],
    ['dependsOn: { dbb: { restart: true } }', /dbb/],
    ['update: { order: "start" }', /"start"/],
    ['onHealty: () => 1', /onHealty/],
    ['onHealthy: 5', /onHealthy/],
    ['networks: ["bakc"]', /"bakc"/],
    ['networks: { bakc: {} }', /bakc/],
    ['networks: { back: { alias: ["x"] } }', /alias/],
    ['networkMode: "service:dbb"', /"service:dbb"/],
    ['networkMode: "hots"', /"hots"/],
    ['volumes: ["pgdta:/x"]', /"pgdta:\/x"/],
    ['comand: ["x"]', /comand/],
    ['restart: "alway"', /"alway"/],
  ];
  it.each(
    cases.map(([settings, message]) => ({
      settings,
      message,
      check: checked(`export default defineStack(/*!*/${keyword}() => { return ${body(settings)}; });`),
    })),
  )('$settings', ({ message, check }) => {
    const { marks, places, text } = check();
    expect(places, text).toEqual(marks);
    expect(text).toMatch(message);
  });
});

it('completion offers the names that are declared', () => {
  const source = `${HEAD}export default defineStack({
  services: { db: { image: 'x' }, web: { image: 'x', dependsOn: { '' }, networks: [''] } },
  networks: { front: {}, back: {} },
});`;
  const file = join(directory, 'completion.ts');
  writeFileSync(file, source);
  const service = ts.createLanguageService({
    getCompilationSettings: () => OPTIONS,
    getScriptFileNames: () => [file],
    getScriptVersion: () => '1',
    getScriptSnapshot: (name) => (ts.sys.fileExists(name) ? ts.ScriptSnapshot.fromString(ts.sys.readFile(name) ?? '') : undefined),
    getCurrentDirectory: () => directory,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
  });
  const offered = (at: string) => {
    const completions = service.getCompletionsAtPosition(file, source.indexOf(at) + at.length, {});
    return completions?.entries.map(({ name }) => name).sort();
  };
  expect(offered(`dependsOn: { '`)).toEqual(['db', 'web']);
  expect(offered(`networks: ['`)).toEqual(['back', 'default', 'front']);
});
