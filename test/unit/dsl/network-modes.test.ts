import { describe, expect, it } from 'vitest';
import { serviceOf, specOf, wrongWith } from './support/stack-file.ts';

const image = 'x';

describe('the network of a service', () => {
  it('is its own with networks, and with none of them loopback alone', () => {
    expect(serviceOf({})).toMatchObject({ networkMode: { kind: 'own' }, networks: [{ network: 'default' }] });
    expect(serviceOf({ networkMode: 'none' })).toMatchObject({ networkMode: { kind: 'own' }, networks: [] });
    expect(serviceOf({ networkMode: 'none', networks: [] })).toMatchObject({ networkMode: { kind: 'own' }, networks: [] });
  });

  it('may be the host’s, where a probe may ask and a hostname be', () => {
    const spec = specOf({ services: { web: { image, networkMode: 'host', hostname: 'h', healthcheck: { tcp: 80 } } } });
    expect(spec.services['web']).toMatchObject({ networkMode: { kind: 'host' }, networks: [], hostname: 'h' });
    expect(spec.networks).toEqual({});
  });

  it('may be another service’s, which it then depends on, also for restarts', () => {
    const web = { image, networkMode: 'service:db', healthcheck: { http: 80 } };
    const own = specOf({ services: { db: { image }, web } }).services['web'];
    expect(own).toMatchObject({ networkMode: { kind: 'service', service: 'db' }, networks: [] });
    expect(own?.dependsOn).toEqual({ db: { condition: 'started', restart: true } });
    const declared = specOf({ services: { db: { image }, web: { ...web, dependsOn: ['db'] } } }).services['web'];
    expect(declared?.dependsOn).toEqual({ db: { condition: 'started', restart: false } });
  });
});

const AS = "contradicts `networkMode: 'service:db'`: a service with that has those of service `db`";

it.each<[object, object, string[]]>([
  [{ networkMode: 'hots' }, {}, ['networkMode: `hots` must be `host`, `none` or `service:NAME`', 'did you mean `host`?']],
  [{ networkMode: 'db' }, {}, ['networkMode: `db` must be `host`, `none` or `service:NAME`', 'did you mean `service:db`?']],
  [{ networkMode: 'service:bd' }, {}, ['networkMode: `bd` is no service of this stack', 'did you mean `db`?']],
  [{ networkMode: 'service:web' }, {}, ['networkMode: `service:web` is the service itself']],
  [{ networkMode: 'bridge' }, {}, ['networkMode: `bridge` is what a service has without it: leave it out, and use `networks`']],
  [
    { networkMode: 'host', networks: ['default'], ports: ['80:80'], dns: '192.0.2.1' },
    {},
    [
      "networks: contradicts `networkMode: 'host'`: leave one of them out",
      "ports: contradict `networkMode: 'host'`: it listens on the host already",
      "dns: contradicts `networkMode: 'host'`: a service with that has those of the host",
    ],
  ],
  [{ networkMode: 'none', networks: { default: {} } }, {}, ["networks: contradicts `networkMode: 'none'`: leave one of them out"]],
  [{ networkMode: 'none', ports: ['80:80'] }, {}, ['ports: lead nowhere: the service is on no network']],
  [
    { networkMode: 'none', healthcheck: { http: 80 } },
    {},
    ['healthcheck.http: cannot be asked: the service is on no network, so that nobody reaches it; use `test` or `log`'],
  ],
  [
    { networkMode: 'service:db', ports: ['80:80'], dnsSearch: [], extraHosts: {}, hostname: 'h' },
    {},
    [
      "ports: contradict `networkMode: 'service:db'`: publish them at service `db`, whose network it has",
      `dnsSearch: ${AS}`,
      `extraHosts: ${AS}`,
      "hostname: `h` contradicts `networkMode: 'service:db'`: nobody would find it, for its address is that of `db`",
    ],
  ],
  [
    { networkMode: 'service:db' },
    { replicas: 2 },
    ['networkMode: `service:db` needs one container whose network it is: `db` has 2 replicas'],
  ],
  [
    { networkMode: 'service:db' },
    { networkMode: 'host' },
    ['networkMode: `service:db` has no network of its own to share: `db` has that of the host'],
  ],
  [{ networkMode: 'service:db' }, { kind: 'job' }, ['networkMode: `service:db` shares a network that ends: `db` is a job']],
  [{ networkMode: 'service:db' }, { dependsOn: ['web'] }, ['networkMode: makes a cycle: db → web → db']],
])('%j beside %j is told', (settings, db, expected) => {
  const lines = wrongWith({ services: { db: { image, ...db }, web: { image, ...settings } } });
  expect(lines.map((line) => line.replace(/^services\.web\./, ''))).toEqual(expected);
});

it('services that have each other’s network are told so, each once', () => {
  expect(wrongWith({ services: { a: { image, networkMode: 'service:b' }, b: { image, networkMode: 'service:a' } } })).toEqual([
    'services.a.networkMode: `service:b` has no network of its own to share: `b` has that of `a`',
    'services.b.networkMode: `service:a` has no network of its own to share: `a` has that of `b`',
  ]);
});

it('a service whose network others have cannot start first', () => {
  const db = { image, update: { order: 'start-first' } };
  expect(wrongWith({ services: { db, web: { image, networkMode: 'service:db' } } })[0]).toBe(
    'services.db.update.order: `start-first` would have two containers while `web` has the network of one',
  );
});

describe('names', () => {
  it('are looked up as the host does, unless something else is said', () => {
    expect(serviceOf({})).toMatchObject({ dns: { servers: [], search: undefined, options: undefined }, extraHosts: {} });
    expect(serviceOf({ dns: '192.0.2.1', dnsSearch: 'example.com', dnsOpt: ['ndots:2', 'rotate'] }).dns).toEqual({
      servers: ['192.0.2.1'],
      search: ['example.com'],
      options: ['ndots:2', 'rotate'],
    });
    expect(serviceOf({ dns: ['192.0.2.1', '2001:DB8:0::1'], dnsSearch: ['a.example', '_tcp.b.example.'], dnsOpt: [] }).dns).toEqual({
      servers: ['192.0.2.1', '2001:db8::1'],
      search: ['a.example', '_tcp.b.example.'],
      options: [],
    });
    expect(serviceOf({ dnsSearch: '.' }).dns.search).toEqual([]);
    expect(serviceOf({ dnsSearch: [] }).dns.search).toEqual([]);
  });

  it('of more hosts are the same as object and as text', () => {
    const expected = { 'db.example': ['192.0.2.1', '2001:db8::1'], up: ['host-gateway'] };
    expect(serviceOf({ extraHosts: { 'db.example': ['192.0.2.1', '2001:DB8::1'], up: 'host-gateway' } }).extraHosts).toEqual(expected);
    const texts = ['db.example:192.0.2.1', 'db.example:[2001:db8::1]', 'up=host-gateway'];
    expect(serviceOf({ extraHosts: texts }).extraHosts).toEqual(expected);
    expect(serviceOf({ extraHosts: ['me:::1', 'me:[::1]'] }).extraHosts).toEqual({ me: ['::1'] });
  });

  it.each<[object, string[]]>([
    [{ dns: 'one.one' }, ['dns: `one.one` must be an IPv4 or IPv6 address']],
    [{ dns: ['192.0.2.1', 5] }, ['dns[1]: `5` must be text']],
    [{ dnsSearch: ['a b'] }, ['dnsSearch[0]: `a b` must be a domain such as `example.com`']],
    [{ dnsOpt: ['ndots 2'] }, ['dnsOpt[0]: `ndots 2` must be an option of resolv.conf(5), such as `ndots:2`']],
    [{ extraHosts: ['db'] }, ['extraHosts[0]: `db` must be `name:address`, such as `db.example:192.0.2.1` or `db.example:[2001:db8::1]`']],
    [{ extraHosts: { 'a b': '192.0.2.1' } }, ['extraHosts["a b"]: `a b` is no hostname']],
    [{ extraHosts: { a: ['192.0.2.1', 'b'] } }, ['extraHosts.a[1]: `b` must be an IPv4 or IPv6 address, or `host-gateway`']],
  ])('that cannot be are told: %j', (settings, expected) => {
    const lines = wrongWith({ services: { web: { image, ...settings } } });
    expect(lines.map((line) => line.replace(/^services\.web\./, ''))).toEqual(expected);
  });
});
