/** What is asked for of faults, put to those that there are. Pure. */
import type { ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import { nearest } from '../../dsl/suggest.ts';
import { TsstackError } from '../model/errors.ts';
import type { Fault, FaultChange, FaultEffects, FaultEnd, FaultPair } from '../model/faults.ts';
import { containersOf } from './replicas.ts';

export const NO_EFFECTS: FaultEffects = { partition: false, loss: undefined, delay: undefined, rate: undefined };

/**
 * All faults when these have come. One of a pair that has some already joins them; the last word counts.
 * @throws TsstackError `not-found` for an unknown end, `usage` for a pair with no way between them, or values out of their range.
 */
export function withFault(faults: readonly Fault[], change: FaultChange, spec: StackSpec): readonly Fault[] {
  const [from, to] = [faultEnd(change.from, spec), faultEnd(change.to, spec)];
  checkEffects(change.effects);
  checkWay(from, to, spec);
  const pairs =
    change.oneWay || sameEnd(from, to)
      ? [{ from, to }]
      : [
          { from, to },
          { from: to, to: from },
        ];
  const effectsOf = (pair: Ends) => ({ ...NO_EFFECTS, ...faults.find(isBetween(pair))?.effects, ...change.effects });
  const changed = faults.map((fault) => (pairs.some((pair) => isBetween(pair)(fault)) ? { ...fault, effects: effectsOf(fault) } : fault));
  const added = pairs.filter((pair) => !faults.some(isBetween(pair))).map((pair) => ({ ...pair, effects: effectsOf(pair) }));
  return [...changed, ...added];
}

type Ends = Pick<Fault, 'from' | 'to'>;

/**
 * All faults but those between the two, both ways; a service stands for its containers, too. Undefined: none is left.
 * @throws TsstackError `not-found` for an unknown end, or if there is nothing to heal between the two.
 */
export function healed(faults: readonly Fault[], pair: FaultPair, spec: StackSpec): readonly Fault[] {
  if (pair === undefined) return [];
  const [a, b] = [faultEnd(pair.from, spec), faultEnd(pair.to, spec)];
  const left = faults.filter(({ from, to }) => !((isPartOf(from, a) && isPartOf(to, b)) || (isPartOf(from, b) && isPartOf(to, a))));
  if (left.length < faults.length) return left;
  throw new TsstackError(`cannot heal \`${pair.from}\` and \`${pair.to}\`: nothing is wrong between them`, {
    code: 'not-found',
    hint: faults.length > 0 ? '`tsstack net status` shows the faults that are in force' : undefined,
  });
}

/** `api`, `api-1`, `shop-api-1`. A service wins over a container of the same name. */
function faultEnd(word: string, spec: StackSpec): FaultEnd {
  if (Object.hasOwn(spec.services, word)) return { service: word, container: undefined };
  const containers = containersOf(spec);
  const found = containers.find(({ name }) => name === word || `${spec.name}-${name}` === word);
  if (found) return { service: found.serviceName, container: found.name };
  const names = [...Object.keys(spec.services), ...containers.map(({ name }) => name)];
  const near = nearest(word, names);
  throw new TsstackError(`there is no service or container \`${word}\` in stack \`${spec.name}\``, {
    code: 'not-found',
    hint: near === undefined ? `there are: ${Object.keys(spec.services).join(', ')}` : `did you mean \`${near}\`?`,
  });
}

/** Name of an end, as people write it. */
export function endName({ service, container }: FaultEnd): string {
  return container ?? service;
}

function isBetween({ from, to }: Ends): (fault: Fault) => boolean {
  return (fault) => sameEnd(fault.from, from) && sameEnd(fault.to, to);
}

function sameEnd(a: FaultEnd, b: FaultEnd): boolean {
  return a.service === b.service && a.container === b.container;
}

function isPartOf(end: FaultEnd, whole: FaultEnd): boolean {
  return end.service === whole.service && (whole.container === undefined || end.container === whole.container);
}

function checkWay(from: FaultEnd, to: FaultEnd, spec: StackSpec): void {
  const refuse = (why: string, hint?: string): never => {
    throw new TsstackError(`cannot put a fault between \`${endName(from)}\` and \`${endName(to)}\`: ${why}`, { code: 'usage', hint });
  };
  if (from.container !== undefined && sameEnd(from, to)) refuse('they are one container, and what it sends to itself crosses no network');
  const [a, b] = [networksOf(from, spec), networksOf(to, spec)];
  const alone = a.length === 0 ? from : b.length === 0 ? to : undefined;
  if (alone) refuse(`\`${endName(alone)}\` has no network interface of its own`);
  const shared = a.filter((network) => b.includes(network));
  if (shared.length === 0) {
    refuse('they share no network', `\`${endName(from)}\` is on ${listed(a)}, \`${endName(to)}\` on ${listed(b)}`);
  }
  if (shared.every((network) => spec.networks[network]?.driver === 'macvlan')) {
    refuse('they only meet on a macvlan, whose packets do not pass this host', 'faults work on networks with the driver `bridge`');
  }
}

function networksOf({ service }: FaultEnd, spec: StackSpec): readonly string[] {
  const found: ServiceSpec | undefined = spec.services[service];
  return found?.networkMode.kind === 'own' ? found.networks.map(({ network }) => network) : [];
}

function listed(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function checkEffects({ loss, delay, rate }: Partial<FaultEffects>): void {
  const refuse = (what: string, why: string): never => {
    throw new TsstackError(`${what} is out of range: ${why}`, { code: 'usage' });
  };
  if (loss !== undefined && !(loss > 0 && loss <= 1)) refuse(`loss ${loss * 100}%`, 'it is more than 0% and at most 100%');
  if (rate !== undefined && !(rate >= LEAST_RATE && rate <= GREATEST_RATE)) refuse(`rate ${rate} bit/s`, 'it is 8kbit to 34gbit');
  if (delay === undefined) return;
  if (!(delay.ms > 0 && delay.ms <= GREATEST_DELAY_MS)) refuse(`delay ${delay.ms} ms`, 'it is more than 0 and at most 1h');
  if (!(delay.jitterMs >= 0 && delay.jitterMs <= delay.ms)) refuse(`jitter ${delay.jitterMs} ms`, 'it is at most the delay');
}

/** Bits a second: below, a packet takes seconds; above, `struct tc_ratespec` has no room. */
const LEAST_RATE = 8000;
const GREATEST_RATE = 34e9;
const GREATEST_DELAY_MS = 3_600_000;
