import { describe, expect, it } from 'vitest';
import type { PortListing } from '../../../engine/model/engine.ts';
import { session } from './support/session.ts';

const at = (service: string, hostAddress: string, parts: Partial<PortListing> = {}): PortListing => ({
  service,
  container: `${service}-1`,
  hostAddress,
  hostPort: 49153,
  containerPort: 80,
  protocol: 'tcp',
  ...parts,
});

const PORTS = [
  at('web', '127.0.0.1'),
  at('web', '::1'),
  at('web', '127.0.0.1', { container: 'web-2' }),
  at('web', '::1', { container: 'web-2' }),
  at('web', '0.0.0.0', { hostPort: 5353, containerPort: 53, protocol: 'udp' }),
  at('web', '2001:db8::1', { hostPort: 5353, containerPort: 53, protocol: 'udp' }),
];

const scripted = (ports: readonly PortListing[] = PORTS) => session({ ports: async () => ports });

describe('port', () => {
  it.each([
    [['web', '80'], '127.0.0.1:49153\n'],
    [['web-1', '80/tcp'], '127.0.0.1:49153\n'],
    [['80'], '127.0.0.1:49153\n'],
    [['web', '53/udp'], '0.0.0.0:5353\n[2001:db8::1]:5353\n'],
  ])('%j prints where that port is reached, twins once', async (words, text) => {
    const s = scripted();
    expect(await s.run('port', ...words)).toBe(0);
    expect(s.out()).toBe(text);
  });

  it('without a port prints all of them, replicas once', async () => {
    const s = scripted();
    await s.run('port');
    expect(s.out().split('\n')).toEqual([
      'SERVICE  PORT    REACHED AT',
      'web      80/tcp  127.0.0.1:49153',
      'web      53/udp  0.0.0.0:5353, [2001:db8::1]:5353',
      '',
    ]);
  });

  it('has each address of each container in JSON', async () => {
    const s = scripted();
    await s.run('port', 'web', '80', '--json');
    expect(JSON.parse(s.out())).toEqual(PORTS.slice(0, 4));
  });

  it.each([
    [['web', '81'], 'port 81/tcp of `web` is not published'],
    [['web', '80/udp'], 'port 80/udp of `web` is not published'],
    [['81'], 'port 81/tcp of stack `shop` is not published'],
  ])('%j is an error that says what is published', async (words, message) => {
    await expect(scripted().run('port', ...words)).rejects.toMatchObject({
      message,
      code: 'not-found',
      hint: 'published are: 80/tcp, 53/udp',
    });
  });

  it('says that nothing is published', async () => {
    await expect(scripted([]).run('port')).rejects.toMatchObject({ message: 'no port of stack `shop` is published' });
  });

  it.each(['0', '70000', '80/sctp', 'http'])('takes `%s` for no port', async (word) => {
    await expect(scripted().run('port', 'web', word)).rejects.toMatchObject({ message: `\`${word}\` is no port`, code: 'usage' });
  });
});
