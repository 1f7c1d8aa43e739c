import { expect, test } from 'vitest';
import { rateOf } from '../../../cli/commands/net-effects.ts';
import type { Fault, FaultChange, FaultPair } from '../../../engine/model/faults.ts';
import { session } from './support/session.ts';

const FAULTS: readonly Fault[] = [
  {
    from: { service: 'web', container: undefined },
    to: { service: 'api', container: 'api-2' },
    effects: { partition: false, loss: 0.125, delay: { ms: 100, jitterMs: 20 }, rate: 1_500_000 },
  },
];

function world(faults: readonly Fault[] = []) {
  const asked: (FaultChange | FaultPair)[] = [];
  const cli = session({
    setFault: async (change) => void asked.push(change),
    heal: async (pair) => void asked.push(pair),
    faults: async () => faults,
    ps: async () => [],
  });
  return { ...cli, asked };
}

test.each<readonly [readonly string[], FaultChange]>([
  [['partition', 'web', 'api'], { from: 'web', to: 'api', oneWay: false, effects: { partition: true } }],
  [['partition', 'web', 'api-1', '--one-way'], { from: 'web', to: 'api-1', oneWay: true, effects: { partition: true } }],
  [
    ['delay', 'web', 'api', '100ms', '--jitter', '20ms'],
    { from: 'web', to: 'api', oneWay: false, effects: { delay: { ms: 100, jitterMs: 20 } } },
  ],
  [['delay', 'web', 'api', '1.5s'], { from: 'web', to: 'api', oneWay: false, effects: { delay: { ms: 1500, jitterMs: 0 } } }],
  [['loss', 'web', 'api', '12.5%'], { from: 'web', to: 'api', oneWay: false, effects: { loss: 0.125 } }],
  [['rate', 'web', 'api', '1mbit'], { from: 'web', to: 'api', oneWay: false, effects: { rate: 1_000_000 } }],
])('`net %s` asks for that', async (words, change) => {
  const { run, asked, err } = world();
  expect(await run('net', ...words)).toBe(0);
  expect(asked).toEqual([change]);
  expect(err()).toContain(`${words[0]}: web ${change.oneWay ? '→' : '↔'} ${change.to} in`);
});

test.each([
  ['500kbit', 500_000],
  ['1mbit', 1_000_000],
  ['2.5gbit', 2_500_000_000],
  ['1MiB/s', 8_388_608],
  ['1MB/s', 8_000_000],
])('a rate of %s is %i bits a second', (text, bits) => {
  expect(rateOf(text)).toBe(bits);
});

test.each<readonly [readonly string[], string]>([
  [['partitoin', 'web', 'api'], 'unknown word `partitoin`'],
  [['partition', 'web'], 'needs two services or containers, and `web` is one'],
  [['partition'], 'needs two services or containers'],
  [['partition', 'web', 'api', '10%'], 'unexpected argument `10%`'],
  [['partition', 'web', 'apu'], 'there is no service or container `apu`'],
  [['loss', 'web', 'api'], 'needs to know how much'],
  [['loss', 'web', 'api', '10'], 'invalid loss `10`'],
  [['delay', 'web', 'api', '100'], 'invalid delay `100`'],
  [['delay', 'web', 'api', '100ms', '--jitter', 'some'], 'invalid jitter `some`'],
  [['rate', 'web', 'api', '1mbps'], 'invalid rate `1mbps`'],
  [['loss', 'web', 'api', '10%', '--jitter', '1ms'], '`--jitter` goes with `tsstack net delay`'],
  [['heal', '--one-way'], 'takes neither'],
  [['status', 'web'], 'unexpected argument `web`'],
])('`net %s` is refused: %s', async (words, message) => {
  const { run, asked } = world();
  await expect(run('net', ...words)).rejects.toThrow(message);
  expect(asked).toEqual([]);
});

test('`net` shows what is in force, a line for each direction', async () => {
  const { run, out } = world(FAULTS);
  expect(await run('net')).toBe(0);
  expect(out()).toBe('FROM  TO     FAULT\nweb   api-2  delay 100ms ± 20ms, loss 12.5%, rate 1.5mbit\n');
});

test('`net status --json` shows it as it is, and nothing as an empty list', async () => {
  const [some, none] = [world(FAULTS), world()];
  await some.run('net', 'status', '--json');
  await none.run('net', 'status', '--json');
  expect([JSON.parse(some.out()), none.out()]).toEqual([JSON.parse(JSON.stringify(FAULTS)), '[]\n']);
});

test('`net heal` heals all or one pair, and says when there is nothing to heal', async () => {
  const some = world(FAULTS);
  await some.run('net', 'heal');
  await some.run('net', 'heal', 'web', 'api-2');
  expect(some.asked).toEqual([undefined, { from: 'web', to: 'api-2' }]);
  expect(some.err()).toMatch(/heal: 1 fault in .*\nheal: web ↔ api-2 in/);
  const none = world();
  expect(await none.run('net', 'heal')).toBe(0);
  expect(none.asked).toEqual([]);
  expect(none.err()).toBe('nothing to heal\n');
});
