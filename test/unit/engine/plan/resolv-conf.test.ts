import { describe, expect, it } from 'vitest';
import type { ServiceSpec } from '../../../../dsl/spec.ts';
import type { HostFacts } from '../../../../engine/model/facts.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { attach, facts, network, STACK, service, stack } from '../../../support/plan-world.ts';

const HOST: Partial<HostFacts> = {
  resolvConf: 'nameserver 192.168.1.1\n',
  hostResolvConf: '# by hand\nnameserver 127.0.0.53\n',
  resolver: { nameservers: ['127.0.0.53'], search: ['corp.example'], options: ['edns0', 'ndots:3'] },
};

/** A file of `web-1`, which is on front and depends on nobody but `db`. */
function fileOf(what: 'hosts' | 'resolv.conf', web: Partial<ServiceSpec> = {}, parts: Partial<HostFacts> = {}): string {
  const services = {
    web: service({ networks: attach('front', 'back'), dependsOn: { db: { condition: 'started', restart: false } }, ...web }),
    db: service({ networks: attach('back') }),
    other: service({ networks: attach('back', 'front') }),
  };
  const spec = stack(services, { networks: { front: network({ subnet: '10.1.0.0/24' }), back: network({ subnet: '10.2.0.0/24' }) } });
  const { desired, obstacles } = lower(spec, STACK, facts({ ...HOST, ...parts }));
  expect(obstacles).toEqual([]);
  const file = desired.resources.find(({ id }) => id === `file:shop/web-1/${what}`);
  return file?.kind === 'file' ? file.spec.content : 'none';
}

const dns = (more: Partial<ServiceSpec['dns']>) => ({ dns: { servers: [], search: undefined, options: undefined, ...more } });

describe('resolv.conf of a container', () => {
  it.each<[string, Partial<ServiceSpec>, string]>([
    ['on two networks', {}, 'nameserver 10.1.0.1\nnameserver 10.2.0.1\nsearch corp.example\noptions edns0 ndots:0\n'],
    [
      'whose servers are named: ours asks them',
      dns({ servers: ['9.9.9.9'] }),
      'nameserver 10.1.0.1\nnameserver 10.2.0.1\nsearch corp.example\noptions edns0 ndots:0\n',
    ],
    [
      'with search and options of its own',
      dns({ search: [], options: ['ndots:1'] }),
      'nameserver 10.1.0.1\nnameserver 10.2.0.1\noptions ndots:1\n',
    ],
    ['without a network', { networks: [] }, 'nameserver 192.168.1.1\n'],
    ['with the network of the host', { networks: [], networkMode: { kind: 'host' } }, '# by hand\nnameserver 127.0.0.53\n'],
    [
      'with that and servers of its own',
      { networks: [], networkMode: { kind: 'host' }, ...dns({ servers: ['9.9.9.9'], search: [] }) },
      'nameserver 9.9.9.9\noptions edns0 ndots:3\n',
    ],
  ])('%s', (_, web, expected) => {
    expect(fileOf('resolv.conf', web)).toBe(expected);
  });

  it('of a step of a build, which nobody supervises, is that of the host', () => {
    expect(fileOf('resolv.conf', {}, { hasNameServer: false })).toBe('nameserver 192.168.1.1\n');
  });
});

describe('the hosts file of a container', () => {
  const lines = (web: Partial<ServiceSpec> = {}, parts: Partial<HostFacts> = {}) =>
    fileOf('hosts', web, parts)
      .split('\n')
      .filter((line) => line.startsWith('10.'))
      .map((line) => line.replace(/^\S+\s/, ''));

  it('holds itself and those it depends on', () => {
    expect(lines()).toEqual(['web-1 shop-web-1 web', 'web-1 shop-web-1 web', 'shop-db-1 db-1 db']);
  });

  it('holds all if it was made by a version without a DNS server', () => {
    expect(lines({}, { withoutNameServer: ['web-1'] }).filter((line) => line.includes('other'))).toHaveLength(2);
  });

  it('holds what the stack file adds, the host by its gateway', () => {
    const text = fileOf('hosts', { extraHosts: { host: ['host-gateway'], there: ['192.0.2.1', '2001:db8::1'] } });
    expect(text).toContain('\n10.1.0.1\thost\n192.0.2.1\tthere\n2001:db8::1\tthere\n');
  });
});
