import { describe, expect, it } from 'vitest';
import { lower } from '../../../../engine/plan/lower.ts';
import { tablesText } from '../../../support/firewall-text.ts';
import { attach, facts, network, port, STACK, service, stack } from '../../../support/plan-world.ts';

function rulesText(...parameters: Parameters<typeof stack>): string {
  const { desired, obstacles } = lower(stack(...parameters), STACK, facts());
  expect(obstacles).toEqual([]);
  return tablesText(desired.resources.flatMap((resource) => (resource.kind === 'firewall' ? [resource.spec] : [])));
}

describe('the firewall of a stack', () => {
  it('keeps networks apart, lets containers out, and publishes ports', async () => {
    const text = rulesText(
      {
        web: service({
          networks: attach('front', 'back'),
          ports: [port('127.0.0.1', 8080, 80), port('0.0.0.0', 5353, 53, 'udp')],
          replicas: 3,
        }),
        db: service({ networks: attach('back') }),
      },
      { networks: { front: network(), back: network({ internal: true }) } },
    );
    await expect(text).toMatchFileSnapshot('../../../golden/firewall/published.txt');
  });

  it('never lets a port on loopback be reached from outside: PREROUTING comes before martians are dropped', () => {
    const text = rulesText({ web: service({ ports: [port('127.0.0.1', 8080, 80)] }) });
    const rulesOf = (chain: string) => text.split('\n').filter((line) => line.startsWith(`-A TS-${STACK.hash}-${chain} `));
    expect(rulesOf('LOOP')).toEqual([expect.stringContaining('-d 127.0.0.1/32')]);
    expect(rulesOf('OUT')).toContainEqual(expect.stringContaining(`-j TS-${STACK.hash}-LOOP`));
    expect([...rulesOf('DNAT'), ...rulesOf('PUB')]).toEqual([]);
    expect(text).not.toContain('PREROUTING');
  });

  it('closes the host loopback that route_localnet would open to containers', () => {
    const text = rulesText({ web: service({ ports: [port('127.0.0.1', 8080, 80)] }) });
    expect(text).toMatch(new RegExp(`-A TS-${STACK.hash}-IN -i \\S+ -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`));
  });

  it('has no rules and no chains without networks', () => {
    expect(rulesText({ one: service({ networks: [] }) }, { networks: {} })).toBe('');
  });
});
