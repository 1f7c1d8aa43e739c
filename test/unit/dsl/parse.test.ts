import { describe, expect, it } from 'vitest';
import { hostRootfs, rootfs } from '../../../dsl/index.ts';
import { renderIssues } from '../../../dsl/issues.ts';
import { PLAIN_NETWORK, plainAttachment } from '../../../dsl/network-defaults.ts';
import { parseStack } from '../../../dsl/parse.ts';
import type { ServiceSpec } from '../../../dsl/spec.ts';
import { port } from '../../support/plan-world.ts';

const context = { directory: '/srv/shop', env: { HOME: '/home/ann', TOKEN: 'secret' }, defaultName: 'shop' };

function specOf(input: unknown) {
  const parsed = parseStack(input, context);
  if (!parsed.ok) throw new Error(renderIssues(parsed.issues, { file: 'stack.config.ts' }));
  return parsed.spec;
}
function serviceOf(settings: object, rest: object = {}): ServiceSpec | undefined {
  return specOf({ services: { web: { image: 'x', ...settings } }, ...rest }).services['web'];
}
function wrongWith(input: unknown): string[] {
  const parsed = parseStack(input, context);
  return parsed.ok
    ? []
    : renderIssues(parsed.issues, { file: 'f' })
        .split('\n')
        .slice(1)
        .map((line) => line.trim());
}

describe('a stack in long form', () => {
  it('has every default filled in', () => {
    expect(specOf({ services: { web: { image: 'x' } } })).toEqual({
      name: 'shop',
      services: {
        web: {
          kind: 'service',
          rerun: 'on-change',
          image: { kind: 'reference', reference: 'x' },
          entrypoint: undefined,
          command: undefined,
          environment: {},
          envFile: [],
          workingDir: undefined,
          user: undefined,
          hostname: undefined,
          mounts: [],
          networkMode: { kind: 'own' },
          networks: [plainAttachment('default')],
          dns: { servers: [], search: undefined, options: undefined },
          extraHosts: {},
          ports: [],
          dependsOn: {},
          healthcheck: undefined,
          restart: { policy: 'no', maxRetries: undefined },
          hooks: { postStart: [], preStop: [], host: [], hostTimeoutMs: 30_000 },
          update: { order: 'stop-first', parallelism: 1 },
          watch: [],
          replicas: 1,
          labels: {},
          pullPolicy: 'missing',
          inheritHealthcheck: true,
          stopSignal: undefined,
          stopGracePeriodMs: 10_000,
          init: true,
          readOnly: false,
          limits: {},
          userns: 'private',
          capAdd: [],
          capDrop: [],
          sysctls: {},
        },
      },
      networks: { default: PLAIN_NETWORK },
      volumes: {},
    });
  });

  it('takes everything that the example of the documentation has', () => {
    const spec = specOf({
      name: 'shop',
      services: {
        db: {
          image: 'docker.io/library/postgres:17',
          environment: { POSTGRES_PASSWORD: 'dev' },
          volumes: ['pgdata:/var/lib/postgresql/data'],
          networks: ['back'],
          healthcheck: { test: ['CMD', 'pg_isready', '-U', 'postgres'] },
          limits: { cpus: 1.5, memory: '512MiB', pids: 200 },
        },
        migrate: { kind: 'job', image: hostRootfs(), command: ['node', 'migrate.js'], dependsOn: { db: 'healthy' }, networks: ['back'] },
        api: {
          image: hostRootfs(),
          command: ['node', 'server.js'],
          workingDir: '/app',
          volumes: ['./api:/app:ro'],
          dependsOn: { db: 'healthy', migrate: 'completed' },
          networks: ['front', 'back'],
          ports: ['8080:3000'],
          replicas: 2,
        },
      },
      networks: { front: {}, back: { internal: true } },
      volumes: { pgdata: {} },
    });
    expect(spec.services['db']?.limits).toMatchObject({ cpus: 1.5, memory: 536_870_912, pids: 200 });
    expect(spec.services['db']?.healthcheck).toEqual({
      probe: { kind: 'exec', argv: ['pg_isready', '-U', 'postgres'] },
      intervalMs: 30_000,
      timeoutMs: 30_000,
      retries: 3,
      startPeriodMs: 30_000,
      startIntervalMs: 100,
      restart: true,
    });
    expect(spec.services['api']).toMatchObject({
      mounts: [{ type: 'bind', source: '/srv/shop/api', target: '/app', readOnly: true, createHostPath: false }],
      dependsOn: { db: { condition: 'healthy' }, migrate: { condition: 'completed' } },
      ports: [{ ...port('127.0.0.1', 8080, 3000), hostAddresses: ['127.0.0.1', '::1'] }],
    });
    expect(Object.keys(spec.networks)).toEqual(['front', 'back']);
  });

  it('is the same for short and long forms', () => {
    const volumes = { data: null };
    const short = serviceOf(
      { volumes: ['data:/d:ro', '~/x:/x', '..:/up/'], tmpfs: '/run:size=64m,mode=1777', ports: ['*:53:5353/udp'], dependsOn: [] },
      { volumes },
    );
    const long = serviceOf(
      {
        volumes: [
          { type: 'volume', source: 'data', target: '/d', readOnly: true },
          { type: 'bind', source: '/home/ann/x', target: '/x' },
          { type: 'bind', source: '/srv', target: '/up' },
          { type: 'tmpfs', target: '/run', size: 64 * 2 ** 20, mode: 0o1777 },
        ],
        ports: [{ target: 5353, published: 53, protocol: 'udp', public: true }],
        dependsOn: {},
      },
      { volumes },
    );
    expect(short).toEqual(long);
  });

  it('splits a command as a shell does and leaves a list alone', () => {
    expect(serviceOf({ command: `sh -c 'echo "a b"' c\\ d ""`, entrypoint: ['a b'] })).toMatchObject({
      command: ['sh', '-c', 'echo "a b"', 'c d', ''],
      entrypoint: ['a b'],
    });
  });

  it('takes null variables from its environment and leaves out those that are not there', () => {
    expect(serviceOf({ environment: { A: 1, B: true, TOKEN: null, HOME: undefined, GONE: null } })?.environment).toEqual({
      A: '1',
      B: 'true',
      TOKEN: 'secret',
      HOME: '/home/ann',
    });
  });

  it('makes paths absolute', () => {
    const service = serviceOf({
      image: rootfs('./root'),
      command: 'true',
      envFile: ['a.env', { path: '/b.env', required: false }],
      workingDir: '/app/./x/',
    });
    expect(service).toMatchObject({
      image: { kind: 'rootfs', path: '/srv/shop/root' },
      envFile: [
        { path: '/srv/shop/a.env', required: true },
        { path: '/b.env', required: false },
      ],
      workingDir: '/app/x',
    });
  });

  it('treats a setting that is undefined as one that is not there', () => {
    expect(serviceOf({ command: undefined, limits: undefined, ports: undefined })).toEqual(serviceOf({}));
  });

  it('keeps no networks where an empty list says so', () => {
    const spec = specOf({ services: { web: { image: 'x', networks: [] } } });
    expect(spec.services['web']?.networks).toEqual([]);
    expect(spec.networks).toEqual({});
  });

  it('knows restart policies with a maximum', () => {
    expect(serviceOf({ restart: 'on-failure:3' })?.restart).toEqual({ policy: 'on-failure', maxRetries: 3 });
  });
});

describe('mistakes', () => {
  it('come all at once, each with its path, value, reason and nearest right name', () => {
    const parsed = parseStack(
      {
        nmae: 'x',
        services: {
          db: { image: 'x', restart: 'alway', limits: { memory: '5m', cpuset: '3-1' }, healthchek: {} },
          api: { image: 5, dependsOn: { bd: 'healty' }, networks: ['bakc'], volumes: ['pgdta:/x', 'a/b:/c'], ports: ['80:80', 'x'] },
          job: { kind: 'job', image: 'x', replicas: 2, dependsOn: ['dbb'], stopSignal: 'SIGTREM' },
        },
        networks: { back: { subnett: 1 } },
        volumes: { pgdata: {} },
      },
      context,
    );
    expect(parsed.ok ? '' : renderIssues(parsed.issues, { file: 'stack.config.ts' })).toBe(
      [
        '16 things are wrong with `stack.config.ts`',
        '  nmae: there is no such setting',
        '    did you mean `name`?',
        '  services.db.restart: `alway` must be `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`',
        '    did you mean `always`?',
        '  services.db.limits.memory: `5m` is too little to start a container: the least is 6 MiB',
        '  services.db.limits.cpuset: `3-1` must be a list of CPUs such as `0-1,3`',
        '  services.db.healthchek: there is no such setting',
        '    did you mean `healthcheck`?',
        '  services.api.image: `5` must be an image reference, `hostRootfs()`, `rootfs()`, `debian()`, `ociImage()` or `build()`',
        '  services.api.dependsOn.bd: `healty` must be `started`, `healthy` or `completed`',
        '    did you mean `healthy`?',
        '  services.api.dependsOn.bd: `bd` is no service of this stack',
        '    did you mean `db`?',
        '  services.api.networks[0]: `bakc` is no network of this stack',
        '    did you mean `back`?',
        '  services.api.volumes[0]: `pgdta` is no volume of this stack',
        '    did you mean `pgdata`?',
        '  services.api.volumes[1]: `a/b:/c` is neither a volume nor a path that starts with `.`, `/` or `~`',
        '    did you mean `./a/b:/c`?',
        '  services.api.ports[1]: `x` must be `[address:][host:]container[/udp]`, such as `8080:80`',
        '  services.job.replicas: `2` is not for a job, which runs once',
        '  services.job.dependsOn[0]: `dbb` is no service of this stack',
        '    did you mean `db`?',
        '  services.job.stopSignal: `SIGTREM` is no signal',
        '    did you mean `SIGTERM`?',
        '  networks.back.subnett: there is no such setting',
        '    did you mean `subnet`?',
      ].join('\n'),
    );
  });

  const image = 'x';
  const on = (networks: object) => ({ image, networks });
  const healthcheck = { test: 'true' };
  it.each<[string, object, string[]]>([
    [
      'a cycle once',
      { services: { a: { image, dependsOn: ['b'] }, b: { image, dependsOn: ['c'] }, c: { image, dependsOn: ['a'] } } },
      ['services.c.dependsOn.a: makes a cycle: a → b → c → a'],
    ],
    ['a service that waits for itself', { services: { a: { image, dependsOn: ['a'] } } }, ['services.a.dependsOn.a: makes a cycle: a → a']],
    [
      'nothing to run',
      { services: { a: { image: rootfs('./a') }, b: { image: hostRootfs(), entrypoint: [], command: [] }, c: { image } } },
      [
        'services.a.command: is missing: `rootfs()` has none of its own',
        'services.b.command: is missing: `hostRootfs()` has none of its own',
      ],
    ],
    [
      'conditions that never come',
      {
        services: {
          // The image of `b` may have a healthcheck.
          a: { image, dependsOn: { b: 'completed', c: 'healthy', d: 'healthy' } },
          e: { image, dependsOn: { b: 'healthy' } },
          b: { image },
          c: { image, healthcheck: { disable: true } },
          d: { image, healthcheck },
        },
      },
      [
        "services.a.dependsOn.b: `completed` never comes: `b` is no job; give it `kind: 'job'`",
        'services.a.dependsOn.c: `healthy` never comes: `c` has no healthcheck',
      ],
    ],
    [
      'two services on one host port',
      { services: { a: { image, ports: ['0.0.0.0:80:80', '81:80/udp'] }, b: { image, ports: ['80:81', '81:80'] } } },
      ['services.b.ports: `127.0.0.1:80/tcp` is published by `a` on `0.0.0.0`'],
    ],
    [
      'overlapping subnets',
      {
        services: { a: { image } },
        networks: { x: { subnet: '10.1.0.0/16' }, y: { subnet: '10.1.2.0/24' }, z: { subnet: '10.2.0.7/24' } },
      },
      [
        'networks.y.subnet: `10.1.2.0/24` overlaps `10.1.0.0/16` of network `x`',
        'networks.z.subnet: `10.2.0.7/24` is an address in a subnet',
        'did you mean `10.2.0.0/24`?',
      ],
    ],
    [
      'static addresses that cannot be',
      {
        services: {
          a: { image, replicas: 2, networks: { x: { ipv4Address: '10.1.0.9' } } },
          b: on({ x: { ipv4Address: '10.9.0.1' } }),
          c: on({ x: { ipv4Address: '10.1.0.1' } }),
          d: on({ y: { ipv4Address: '10.1.0.2' } }),
        },
        networks: { x: { subnet: '10.1.0.0/24' }, y: {} },
      },
      [
        'services.a.networks.x.ipv4Address: `10.1.0.9` cannot be the address of 2 replicas',
        'services.b.networks.x.ipv4Address: `10.9.0.1` is no host address in `10.1.0.0/24`',
        'services.c.networks.x.ipv4Address: `10.1.0.1` is the gateway of network `x`',
        'services.d.networks.y.ipv4Address: `10.1.0.2` needs a `subnet` in network `y`',
      ],
    ],
    [
      'one address held twice',
      {
        services: { a: on({ x: { ipv4Address: '10.1.0.9' } }), b: on({ x: { ipv4Address: '10.1.0.9' } }) },
        networks: { x: { subnet: '10.1.0.0/24' } },
      },
      ['services.b.networks.x.ipv4Address: `10.1.0.9` is the address of `a`'],
    ],
    [
      'names that no container can have',
      { name: 'My Shop', services: { 'a b': { image }, ['x'.repeat(60)]: { image } } },
      [
        'name: `My Shop` must be made of `a-z`, `0-9`, `_`, `-`, and start with a letter or digit',
        'did you mean `my-shop`?',
        'services["a b"]: is no name: use letters, digits, `_`, `.` and `-`, a letter or digit first, 63 at most',
        `services.${'x'.repeat(60)}: would name a container \`My Shop-${'x'.repeat(60)}-1\`, which is longer than 63 characters`,
      ],
    ],
    ['a stack without services', {}, ['services: is missing: a stack has at least one service']],
    ['something that is no stack', ['x'] as object, ['stack: must be an object of settings']],
    [
      'a service that is no object',
      { services: { a: 5, b: { image, dependsOn: ['a'] } } },
      ['services.a: `5` must be an object of settings'],
    ],
    [
      'a function where none may be',
      { services: { a: { image, command: () => 'x' } } },
      ['services.a.command: must be text or a list of texts'],
    ],
  ])('tell %s', (_, input, expected) => {
    expect(wrongWith(input)).toEqual(expected);
  });

  it.each<[object, string[]]>([
    [{ volumes: ['./a:/x', './b:/x/'] }, ['services.web.volumes: mount more than one thing at `/x`']],
    [
      { volumes: ['/data'] },
      ['services.web.volumes[0]: `/data` must be `source:target` or `source:target:ro`; a path with a colon needs the long form'],
    ],
    [{ volumes: ['./a:b'] }, ['services.web.volumes[0]: `b` must be an absolute path in the container']],
    [{ volumes: ['./a:/'] }, ['services.web.volumes[0]: `/` would hide the whole root filesystem']],
    [{ volumes: [{ type: 'bind', source: './a' }] }, ['services.web.volumes[0].target: is missing: it must be text']],
    [
      { volumes: [{ type: 'bnid', source: './a', target: '/a' }] },
      ['services.web.volumes[0].type: `bnid` must be `volume`, `bind` or `tmpfs`'],
    ],
    [{ ports: ['8000-8002:80-81'] }, ['services.web.ports[0]: `8000-8002:80-81` has 3 host ports for 2 container ports']],
    [{ ports: ['70000:80'] }, ['services.web.ports[0]: `70000:80` must be made of ports, 1 … 65535, or ranges such as `8000-8002`']],
    [
      { ports: [{ target: 80, public: true, hostAddress: '127.0.0.1' }] },
      ["services.web.ports[0].public: `true` contradicts `hostAddress: '127.0.0.1'`"],
    ],
    [
      { limits: { memory: '64m', memoryReservation: '65m', cpus: 0, cpuShares: 1, pids: 0 } },
      [
        'services.web.limits.memoryReservation: `65m` must not be more than `memory`',
        'services.web.limits.cpus: `0` must be 0.01 or more',
        'services.web.limits.cpuShares: `1` must be a whole number, 2 … 262144',
        'services.web.limits.pids: `0` must be a whole number, 1 … 4194304',
      ],
    ],
    [
      { limits: { memory: '64 megs', swap: '1g' } },
      ['services.web.limits.memory: `64 megs` must be a size such as `512MiB`, or a whole number of bytes'],
    ],
    [
      { healthcheck: { test: ['CMD'], interval: '5', retries: 0 } },
      [
        'services.web.healthcheck.test: has no command',
        'services.web.healthcheck.interval: `5` must be a duration such as `1m30s`',
        'services.web.healthcheck.retries: `0` must be a whole number, 1 or more',
      ],
    ],
    [{ command: 'echo "a' }, ['services.web.command: `echo "a` cannot be split into words: a double quote is not closed']],
    [{ kind: 'job', restart: 'always' }, ['services.web.restart: `always` would run a job for ever; a job may have `no` or `on-failure`']],
    [{ rerun: 'always' }, ["services.web.rerun: `always` is only for `kind: 'job'`"]],
    [
      { sysctls: { 'net.core.somaxconn': 1, 'vm.swappiness': 1 } },
      ['services.web.sysctls["vm.swappiness"]: is no sysctl of a container: it would change the host'],
    ],
    [{ capAdd: ['CAP_NET_RAW', 'NET_ADMN'] }, ['services.web.capAdd[1]: `NET_ADMN` is no capability', 'did you mean `NET_ADMIN`?']],
    [
      { hostname: 'a_b', replicas: -1, stopGracePeriod: 'soon' },
      [
        'services.web.hostname: `a_b` must be a hostname of letters, digits, `-` and `.`, at most 64',
        'services.web.replicas: `-1` must be a whole number, 0 … 1000',
        'services.web.stopGracePeriod: `soon` must be a duration such as `30s`',
      ],
    ],
    [{ networks: [], ports: ['8080:80'] }, ['services.web.ports: lead nowhere: the service is on no network']],
  ])('in a service tell %j', (settings, expected) => {
    expect(wrongWith({ services: { web: { image, ...settings } } })).toEqual(expected);
  });

  it('tell a missing image once', () => {
    expect(wrongWith({ services: { web: {} } })).toEqual(['services.web.image: is missing']);
  });
});
