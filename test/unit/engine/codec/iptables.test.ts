import { describe, expect, it } from 'vitest';
import { encodeRestore } from '../../../../engine/codec/iptables.ts';
import type { TableContent, TableState } from '../../../../engine/model/firewall.ts';
import { chainOf, jumpOf, markFor } from '../../../support/firewall.ts';

const PUB = 'TS-3f9a1c2e-PUB';
const SNAT = 'TS-3f9a1c2e-SNAT';
const LOCAL = '-m addrtype --dst-type LOCAL';
const http = '-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80';
const content: TableContent = {
  chains: [chainOf(PUB, http), chainOf(SNAT)],
  jumps: [
    jumpOf({ builtin: 'PREROUTING', match: LOCAL, chain: PUB }),
    jumpOf({ builtin: 'PREROUTING', chain: SNAT }),
    jumpOf({ builtin: 'POSTROUTING', position: 'last', chain: SNAT }),
  ],
};
/** As if it had been made and read back. */
function stateOf({ chains, jumps }: TableContent, over: Partial<TableState> = {}): TableState {
  return {
    table: 'nat',
    chains: chains.map(({ name, rules }) => ({ name, marks: rules.map(({ mark }) => mark) })),
    jumps: jumps.map(({ builtin, match, chain, mark }, index) => {
      const rule = `${match} -m comment --comment "tsstack:${mark}" -j ${chain}`.trim();
      return { builtin, chain, rule, mark, number: index + 1, afterOthers: false };
    }),
    refusals: {},
    ...over,
  };
}
const comment = (text: string) => `-m comment --comment "tsstack:${markFor(text)}"`;
const lines = (desired: TableContent | undefined, observed?: TableState) =>
  encodeRestore([{ table: 'nat', desired, observed }])
    .trimEnd()
    .split('\n')
    .slice(1, -1);

describe('encodeRestore', () => {
  it('declares and fills chains, marks every rule, and jumps to them in the order given', () => {
    expect(encodeRestore([{ table: 'nat', desired: content, observed: undefined }])).toBe(`*nat
:${PUB} - [0:0]
:${SNAT} - [0:0]
-A ${PUB} -p tcp -m tcp --dport 80 ${comment(http)} -j DNAT --to-destination 10.0.0.2:80
-A POSTROUTING ${comment(` ${SNAT}`)} -j ${SNAT}
-I PREROUTING ${comment(` ${SNAT}`)} -j ${SNAT}
-I PREROUTING ${LOCAL} ${comment(`${LOCAL} ${PUB}`)} -j ${PUB}
COMMIT
`);
  });

  it('changes nothing of what is right', () => {
    expect(lines(content, stateOf(content))).toEqual([]);
  });

  it('names the tables of IPv6 as ip6tables does', () => {
    expect(encodeRestore([{ table: 'nat6', desired: undefined, observed: undefined }])).toBe('*nat\nCOMMIT\n');
  });

  it('puts one rule more where it belongs and touches no other', () => {
    const rule = (port: number) => `-p tcp -m tcp --dport ${port} -j DNAT --to-destination 10.0.0.2:${port}`;
    const before = { chains: [chainOf(PUB, rule(1), rule(2), rule(4), rule(5)), chainOf(SNAT)], jumps: [] };
    const after = { chains: [chainOf(PUB, rule(1), rule(2), rule(3), rule(4), rule(5)), chainOf(SNAT)], jumps: [] };
    expect(lines(after, stateOf(before))).toEqual([
      `-I ${PUB} 3 -p tcp -m tcp --dport 3 ${comment(rule(3))} -j DNAT --to-destination 10.0.0.2:3`,
    ]);
    expect(lines(before, stateOf(after))).toEqual([`-D ${PUB} 3`]);
  });

  it('removes rules in a chain of ours that bear no mark, or one that is not wanted', () => {
    const observed = stateOf(content, {
      chains: [
        { name: PUB, marks: [undefined, markFor(http), 'deadbeef'] },
        { name: SNAT, marks: [] },
      ],
    });
    expect(lines(content, observed)).toEqual([`-D ${PUB} 1`, `-D ${PUB} 2`]);
  });

  it('writes a chain again where that is less than to edit it', () => {
    const old = { name: PUB, marks: Array.from({ length: 20 }, (_, index) => markFor(`old ${index}`)) };
    const observed = stateOf(content, { chains: [old, { name: SNAT, marks: [] }] });
    expect(lines(content, observed)).toEqual([
      `:${PUB} - [0:0]`,
      `-A ${PUB} -p tcp -m tcp --dport 80 ${comment(http)} -j DNAT --to-destination 10.0.0.2:80`,
    ]);
  });

  it('deletes everything of ours when nothing is desired', () => {
    const jumps = [jumpOf({ builtin: 'PREROUTING', match: LOCAL, chain: PUB })];
    expect(lines(undefined, stateOf({ ...content, jumps }))).toEqual([
      `:${PUB} - [0:0]`,
      `:${SNAT} - [0:0]`,
      `-D PREROUTING ${LOCAL} ${comment(`${LOCAL} ${PUB}`)} -j ${PUB}`,
      `-X ${PUB}`,
      `-X ${SNAT}`,
    ]);
  });

  describe('a jump that comes last', () => {
    const last: TableContent = { chains: [], jumps: [jumpOf({ builtin: 'FORWARD', position: 'last', chain: PUB })] };
    const body = `${comment(` ${PUB}`)} -j ${PUB}`;

    it('goes in front of a rule that refuses whatever comes', () => {
      expect(lines(last, { table: 'filter', chains: [], jumps: [], refusals: { FORWARD: 3 } })).toEqual([`-I FORWARD 3 ${body}`]);
    });

    it('is moved in front of one that came later, counted without itself', () => {
      const [observed] = stateOf(last).jumps;
      const early = { ...stateOf(last), jumps: observed ? [{ ...observed, number: 5 }] : [], refusals: { FORWARD: 4 } };
      expect(lines(last, early)).toEqual([`-D FORWARD ${body}`, `-I FORWARD 4 ${body}`]);
      expect(lines(last, { ...early, refusals: { FORWARD: 6 } })).toEqual([]);
    });
  });

  it('moves a jump to the front of FORWARD when somebody has come before it, and lets others be first elsewhere', () => {
    const first = (builtin: 'FORWARD' | 'INPUT'): TableContent => ({ chains: [], jumps: [jumpOf({ builtin, chain: PUB })] });
    const late = (table: TableContent) => stateOf(table, { jumps: stateOf(table).jumps.map((jump) => ({ ...jump, afterOthers: true })) });
    const body = `${comment(` ${PUB}`)} -j ${PUB}`;
    expect(lines(first('FORWARD'), late(first('FORWARD')))).toEqual([`-D FORWARD ${body}`, `-I FORWARD ${body}`]);
    expect(lines(first('INPUT'), late(first('INPUT')))).toEqual([]);
  });
});
