import { describe, expect, it } from 'vitest';
import { lower } from '../../../../engine/plan/lower.ts';
import { attach, facts, network, port, STACK, service, stack } from '../../../support/plan-world.ts';

function rulesText(...parameters: Parameters<typeof stack>): string {
  const { desired, obstacles } = lower(stack(...parameters), STACK, facts());
  expect(obstacles).toEqual([]);
  return desired.resources
    .flatMap((resource) => (resource.kind === 'firewall' ? [resource.spec] : []))
    .map(({ table, chains, jumps }) =>
      [
        `*${table}`,
        ...jumps.map(({ builtin, position, match, chain }) => `${builtin} ${position} ${match} -j ${chain}`.replace(/ +/g, ' ')),
        ...chains.flatMap(({ name, rules }) => [`:${name}`, ...rules.map((rule) => `-A ${name} ${rule}`)]),
        '',
      ].join('\n'),
    )
    .join('\n');
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
    expect(text).toContain(`-A TS-${STACK.hash}-OUT -d 127.0.0.1/32`);
    expect(text).not.toContain(`-A TS-${STACK.hash}-DNAT`);
  });

  it('closes the host loopback that route_localnet would open to containers', () => {
    const text = rulesText({ web: service({ ports: [port('127.0.0.1', 8080, 80)] }) });
    expect(text).toMatch(new RegExp(`-A TS-${STACK.hash}-IN -i \\S+ -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`));
  });

  it('has no rules and no chains without networks', () => {
    expect(rulesText({ one: service({ networks: [] }) }, { networks: {} })).toBe('');
  });
});
