import type { Fault, FaultEffects, FaultEnd } from '../../engine/model/faults.ts';
import { alignColumns } from '../format.ts';

/** One line for each direction. */
export function renderFaults(faults: readonly Fault[]): string {
  const rows = faults.map(({ from, to, effects }) => [nameOf(from), nameOf(to), effectsText(effects)]);
  return alignColumns([['FROM', 'TO', 'FAULT'], ...rows]);
}

/** `delay 100ms ± 20ms, loss 10%, rate 1mbit`. */
function effectsText({ partition, delay, loss, rate }: FaultEffects): string {
  return [
    ...(partition ? ['partition'] : []),
    ...(delay ? [`delay ${delay.ms}ms${delay.jitterMs > 0 ? ` ± ${delay.jitterMs}ms` : ''}`] : []),
    ...(loss === undefined ? [] : [`loss ${Number((loss * 100).toFixed(3))}%`]),
    ...(rate === undefined ? [] : [`rate ${rateText(rate)}`]),
  ].join(', ');
}

/** In the greatest unit in which it needs at most three decimals. */
function rateText(rate: number): string {
  const [unit, factor] = UNITS.find(([, size]) => rate >= size && Number.isInteger((rate / size) * 1000)) ?? ['bit', 1];
  return `${rate / factor}${unit}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['gbit', 1e9],
  ['mbit', 1e6],
  ['kbit', 1e3],
];

function nameOf({ service, container }: FaultEnd): string {
  return container ?? service;
}
