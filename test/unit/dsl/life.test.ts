/** What a service says of its containers' life: health, hooks, updates, what is watched, restarts with a dependency. */
import { describe, expect, it } from 'vitest';
import { hostHooksOf } from '../../../dsl/host-hooks.ts';
import { renderIssues } from '../../../dsl/issues.ts';
import { parseStack } from '../../../dsl/parse.ts';
import type { ServiceSpec } from '../../../dsl/spec.ts';

const context = { directory: '/srv/shop', env: { HOME: '/home/ann', TOKEN: 'secret' }, defaultName: 'shop' };
const db = { image: 'x' };

function parse(settings: object, rest: object) {
  return parseStack({ services: { web: { image: 'x', ...settings }, db }, ...rest }, context);
}
function serviceOf(settings: object, rest: object = {}): ServiceSpec | undefined {
  const parsed = parse(settings, rest);
  if (!parsed.ok) throw new Error(renderIssues(parsed.issues, { file: 'f' }));
  return parsed.spec.services['web'];
}
function wrongWith(settings: object, rest: object = {}): string[] {
  const parsed = parse(settings, rest);
  const lines = parsed.ok ? [] : renderIssues(parsed.issues, { file: 'f' }).split('\n').slice(1);
  return lines.map((line) => line.trim().replace(/^services\.web\./, ''));
}

describe('a healthcheck', () => {
  const http = (port: number, path: string, headers = {}) => ({ kind: 'http', port, path, headers });
  it.each<[object, object]>([
    [{ http: 8080 }, http(8080, '/')],
    [{ http: '8080' }, http(8080, '/')],
    [{ http: '8080/ready?full=1' }, http(8080, '/ready?full=1')],
    [{ http: { port: 80, path: '/x', headers: { Host: 'shop', 'X-N': 1 } } }, http(80, '/x', { Host: 'shop', 'X-N': '1' })],
    [{ tcp: 5432 }, { kind: 'tcp', port: 5432 }],
    [{ log: /ready to (accept|serve)/giy }, { kind: 'log', pattern: 'ready to (accept|serve)', flags: 'i' }],
    [{ log: 'ready (1.0) [a|b] \\' }, { kind: 'log', pattern: 'ready \\(1\\.0\\) \\[a\\|b\\] \\\\', flags: '' }],
    [{ test: 'true' }, { kind: 'exec', argv: ['/bin/sh', '-c', 'true'] }],
  ])('%j asks in its way', (settings, probe) => {
    expect(serviceOf({ healthcheck: settings })?.healthcheck?.probe).toEqual(probe);
  });

  it('finds its text literally', () => {
    const text = 'a.b*c+d?e^f$g(h)[i]{j}|k\\l/m';
    const probe = serviceOf({ healthcheck: { log: text } })?.healthcheck?.probe;
    if (probe?.kind !== 'log') throw new Error('no log probe');
    expect(new RegExp(probe.pattern, probe.flags).exec(`<${text}>`)?.[0]).toBe(text);
    expect(new RegExp(probe.pattern, probe.flags).test(text.replace('.', 'x'))).toBe(false);
  });

  it('restarts what is unhealthy, unless it says otherwise', () => {
    expect(serviceOf({ healthcheck: { tcp: 1 } })?.healthcheck?.restart).toBe(true);
    expect(serviceOf({ healthcheck: { tcp: 1, restart: false } })?.healthcheck?.restart).toBe(false);
  });

  it('that is disabled is none, with or without a probe', () => {
    expect(serviceOf({ healthcheck: { disable: true } })?.healthcheck).toBeUndefined();
    expect(serviceOf({ healthcheck: { disable: true, tcp: 1 } })?.healthcheck).toBeUndefined();
    expect(serviceOf({ healthcheck: { test: ['NONE'] } })?.healthcheck).toBeUndefined();
  });

  it.each<[object, string[]]>([
    [
      { tcp: 1, http: 80, test: 'true' },
      ['healthcheck: has more than one probe: `test`, `http`, `tcp`; one of them tells whether it is healthy'],
    ],
    [{ interval: '1s' }, ['healthcheck: has no probe: give it `test`, `http`, `tcp` or `log`']],
    [{ test: 5 }, ['healthcheck.test: `5` must be text or a list of texts']],
    [
      { htpp: 80 },
      [
        'healthcheck: has no probe: give it `test`, `http`, `tcp` or `log`',
        'healthcheck.htpp: there is no such setting',
        'did you mean `http`?',
      ],
    ],
    [{ http: 'localhost/x' }, ['healthcheck.http: `localhost/x` must be `PORT/path`, such as `8080/ready`']],
    [{ http: 0 }, ['healthcheck.http: `0` must be a port, 1 … 65535']],
    [{ http: '80/a b' }, ['healthcheck.http: `/a b` must be a path that starts with `/`, percent-encoded']],
    [
      { http: { port: 70000, path: 'x', headers: { 'a b': 'c', d: 'e\n' } } },
      [
        'healthcheck.http.port: `70000` must be a port, 1 … 65535',
        'healthcheck.http.path: `x` must be a path that starts with `/`, percent-encoded',
        'healthcheck.http.headers["a b"]: is no name of a header',
        'healthcheck.http.headers.d: `e',
        '` is no value of a header',
      ],
    ],
    [{ http: { port: 80, header: {} } }, ['healthcheck.http.header: there is no such setting', 'did you mean `headers`?']],
    [{ tcp: '5432' }, ['healthcheck.tcp: `5432` must be a number']],
    [{ log: '' }, ['healthcheck.log: is empty: every line has that']],
    [{ log: 5 }, ['healthcheck.log: `5` must be text or a regular expression']],
    [{ tcp: 1, restart: 'no' }, ['healthcheck.restart: `no` must be true or false']],
  ])('%j is told', (healthcheck, expected) => {
    expect(wrongWith({ healthcheck })).toEqual(expected);
  });

  it.each(['http', 'tcp'])('cannot ask by %s where there is no network, and says so', (kind) => {
    expect(wrongWith({ networks: [], healthcheck: { [kind]: 80 } })).toEqual([
      `healthcheck.${kind}: cannot be asked: the service is on no network, so that nobody reaches it; use \`test\` or \`log\``,
    ]);
    expect(wrongWith({ networks: [], healthcheck: { log: 'x' } })).toEqual([]);
    expect(wrongWith({ networks: ['nope'], healthcheck: { [kind]: 80 } })).toEqual(['networks[0]: `nope` is no network of this stack']);
  });
});

describe('a dependency', () => {
  it('has been started, and brings nobody along, if it says no more', () => {
    expect(serviceOf({ dependsOn: { db: {} } })?.dependsOn).toEqual({ db: { condition: 'started', restart: false } });
    expect(serviceOf({ dependsOn: ['db'] })?.dependsOn).toEqual({ db: { condition: 'started', restart: false } });
  });

  it('may bring those along that depend on it', () => {
    const healthcheck = { test: 'true' };
    const services = { web: { image: 'x', dependsOn: { db: { condition: 'healthy', restart: true } } }, db: { image: 'x', healthcheck } };
    expect(serviceOf({}, { services })?.dependsOn).toEqual({ db: { condition: 'healthy', restart: true } });
  });

  it('of a wrong form is told at its key', () => {
    expect(wrongWith({ dependsOn: { db: { restrat: true } } })).toEqual([
      'dependsOn.db.restrat: there is no such setting',
      'did you mean `restart`?',
    ]);
    expect(wrongWith({ dependsOn: { db: { condition: 'helthy' } } })).toEqual([
      'dependsOn.db.condition: `helthy` must be `started` or `healthy` or `completed`',
      'did you mean `healthy`?',
    ]);
  });
});

describe('hooks', () => {
  const plain = { user: undefined, workingDir: undefined, environment: {}, timeoutMs: 30_000 };
  it.each<[string, unknown, object[]]>([
    ['text', 'warm up', [{ argv: ['/bin/sh', '-c', 'warm up'], ...plain }]],
    ['a list of texts, which is one command', ['nginx', '-s', 'reload'], [{ argv: ['nginx', '-s', 'reload'], ...plain }]],
    ['one command in long form', { command: ['a'] }, [{ argv: ['a'], ...plain }]],
    ['an empty list', [], []],
    [
      'several in all forms, in order',
      ['a b', ['c', 'd'], { command: 'e', user: 1000, workingDir: '/x/', environment: { A: 1, TOKEN: null }, timeout: '5s' }],
      [
        { argv: ['/bin/sh', '-c', 'a b'], ...plain },
        { argv: ['c', 'd'], ...plain },
        { argv: ['/bin/sh', '-c', 'e'], user: '1000', workingDir: '/x', environment: { A: '1', TOKEN: 'secret' }, timeoutMs: 5000 },
      ],
    ],
  ])('may be %s', (_, written, expected) => {
    expect(serviceOf({ postStart: written })?.hooks.postStart).toEqual(expected);
    expect(serviceOf({ preStop: written })?.hooks.preStop).toEqual(expected);
  });

  it('tell which functions there are, sorted, and the functions are found in what was written', () => {
    const [onStarted, onExited] = [() => undefined, async () => 1];
    const service = serviceOf({ onStarted, onExited, hookTimeout: '2s' });
    expect(service?.hooks).toMatchObject({ host: ['onExited', 'onStarted'], hostTimeoutMs: 2000 });
    expect(hostHooksOf({ services: { web: { onStarted, onExited, command: () => 1, onHealthy: undefined }, db } })).toEqual({
      web: { onStarted, onExited },
    });
    expect(hostHooksOf(undefined)).toEqual({});
  });

  it.each<[object, string[]]>([
    [{ postStart: '' }, ['postStart: `` has no command']],
    [{ postStart: { command: [] } }, ['postStart.command: has no command']],
    [
      { postStart: ['./migrate.sh --all', './warm.sh'] },
      ['postStart[0]: `./migrate.sh --all` is no program: a list of texts is one command; write `[{ command: … }, …]` for several'],
    ],
    [
      { preStop: { comand: 'x' } },
      [
        'preStop.comand: there is no such setting',
        'did you mean `command`?',
        'preStop.command: is missing: it must be text or a list of texts',
      ],
    ],
    [{ preStop: [['a'], 5] }, ['preStop[1]: `5` must be text, a list of texts, or `{ command }`']],
    [{ preStop: 5 }, ['preStop: `5` must be text, a list of texts, or `{ command }`, or a list of them']],
    [
      { preStop: { command: 'x', user: 'a b', workingDir: 'x', timeout: '5', environment: { 'A=': 1 } } },
      [
        'preStop.user: `a b` must be `user` or `user:group`',
        'preStop.workingDir: `x` must be an absolute path in the container',
        'preStop.timeout: `5` must be a duration such as `30s`',
        'preStop.environment["A="]: is no name of a variable',
      ],
    ],
    [{ onHealthy: 'x' }, ['onHealthy: `x` must be a function']],
    [{ onHealhty: () => undefined }, ['onHealhty: there is no such setting', 'did you mean `onHealthy`?']],
    [{ hookTimeout: 1 }, ['hookTimeout: `1` must be at least 10 ms']],
  ])('%j are told', (settings, expected) => {
    expect(wrongWith(settings)).toEqual(expected);
  });
});

describe('an update', () => {
  it('starts first, and many at a time, if it says so', () => {
    expect(serviceOf({ update: { order: 'start-first' }, replicas: 3 })?.update).toEqual({ order: 'start-first', parallelism: 1 });
    expect(serviceOf({ update: { parallelism: 2 } })?.update).toEqual({ order: 'stop-first', parallelism: 2 });
  });

  it('starts first beside a volume and published ports, which replicas share anyway', () => {
    const settings = { update: { order: 'start-first' }, volumes: ['data:/data'], ports: ['8080:80'] };
    expect(wrongWith(settings, { volumes: { data: {} } })).toEqual([]);
  });

  it.each<[object, string[]]>([
    [{ kind: 'job', update: {} }, ['update: is not for a job, which runs once']],
    [{ update: { parallelism: 0 } }, ['update.parallelism: `0` must be a whole number, 1 or more']],
    [{ update: { order: 'start' } }, ['update.order: `start` must be `stop-first` or `start-first`']],
    [{ update: { parallelsim: 2 } }, ['update.parallelsim: there is no such setting', 'did you mean `parallelism`?']],
    [
      { update: { order: 'start-first' }, networks: { n: { ipv4Address: '10.1.0.9' } } },
      [
        'update.order: `start-first` would have two containers at `10.1.0.9` of network `n`: leave that `ipv4Address` out',
        'did you mean `stop-first`?',
      ],
    ],
  ])('%j is told', (settings, expected) => {
    expect(wrongWith(settings, { networks: { n: { subnet: '10.1.0.0/24' } } })).toEqual(expected);
  });

  it('that starts first needs room for the name of one container more', () => {
    const name = 'x'.repeat(56);
    const stack = (update: object) => ({ services: { [name]: { image: 'x', replicas: 9, update } } });
    expect(wrongWith({}, stack({}))).toEqual([]);
    expect(wrongWith({}, stack({ order: 'start-first' }))).toEqual([
      `services.${name}: would name a container \`shop-${name}-10\`, which is longer than 63 characters`,
    ]);
  });
});

describe('rules of what is watched', () => {
  it('have absolute paths', () => {
    const exec = { argv: ['/bin/sh', '-c', 'x'], user: undefined, workingDir: undefined, environment: {}, timeoutMs: 30_000 };
    const watch = [
      { path: './src', action: 'sync', target: '/app/src/', ignore: ['**/*.test.ts'] },
      { path: '/etc/x.conf', action: 'restart' },
      { path: 'conf', action: 'sync+restart', target: '/etc/web' },
      { path: '~/x', action: 'sync+exec', target: '/x', exec: 'x' },
    ];
    expect(serviceOf({ develop: { watch } })?.watch).toEqual([
      { path: '/srv/shop/src', action: 'sync', target: '/app/src', ignore: ['**/*.test.ts'], exec: undefined },
      { path: '/etc/x.conf', action: 'restart', target: undefined, ignore: [], exec: undefined },
      { path: '/srv/shop/conf', action: 'sync+restart', target: '/etc/web', ignore: [], exec: undefined },
      { path: '/home/ann/x', action: 'sync+exec', target: '/x', ignore: [], exec },
    ]);
    expect(serviceOf({ develop: {} })?.watch).toEqual([]);
  });

  it.each<[object, string[]]>([
    [{ path: 'a', action: 'sync' }, ['target: is missing: `sync` copies to it']],
    [{ path: 'a', action: 'rebuild' }, ['action: `rebuild` is not there yet: no image is built', 'did you mean `sync+restart`?']],
    [
      { path: 'a', action: 'snyc', target: '/a' },
      ['action: `snyc` must be `sync`, `restart`, `sync+restart` or `sync+exec`', 'did you mean `sync`?'],
    ],
    [
      { path: 'a', action: 'restart', target: '/a' },
      ['target: `/a` is for what is copied: `restart` copies nothing', 'did you mean `sync+restart`?'],
    ],
    [
      { path: 'a', action: 'sync+exec', target: 'a' },
      ['target: `a` must be an absolute path in the container', 'exec: is missing: it tells what to run'],
    ],
    [{ path: 'a', action: 'sync', target: '/a', exec: 'x', ignore: [' '] }, ['exec: is only for `sync+exec`', 'ignore[0]: ` ` is empty']],
    [{ path: '', action: 'restart' }, ['path: `` is no path']],
    [{ path: 'a', action: 'restart', ignroe: [] }, ['ignroe: there is no such setting', 'did you mean `ignore`?']],
    [{ action: 'restart' }, ['path: is missing: it must be text']],
  ])('%j are told', (rule, expected) => {
    expect(wrongWith({ develop: { watch: [rule] } }).map((line) => line.replace(/^develop\.watch\[0\]\./, ''))).toEqual(expected);
  });
});
