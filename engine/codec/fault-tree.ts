/** The faults of one link ⇄ numbers of the classes and filters at its end on the host. */
import type { FaultSpec, FaultState } from '../model/faults.ts';

/** The root's, `7473:` (`ts`): with it at the root of a link of ours, the tree is ours. */
export const FAULTS_ROOT = 0x74730000;

/**
 * Everything has its place in one of two generations: a change puts the new one beside the old, and then takes the old one out, so that no
 * packet passes in between. Filters of the old one are asked first, or those of the new: each tells what it should.
 */
export type Generation = 0 | 1;

/** Handle of the class at this place of `classes`. */
export function classHandle(generation: Generation, place: number): number {
  return FAULTS_ROOT + generation * GENERATION + 1 + place;
}

/** Of the filter at this place of `filters`. */
export function filterPriority(generation: Generation, place: number): number {
  return generation * GENERATION + 1 + place;
}

/** `free`: where the next one goes. Undefined: both are taken, which somebody who was cut off has left. */
export function freeGeneration({ filters, classes }: FaultState): Generation | undefined {
  const used = new Set([...filters.map(({ priority }) => priority > GENERATION), ...classes.map((minor) => minor > GENERATION)]);
  if (used.size === 2) return undefined;
  return used.has(false) ? 1 : 0;
}

/** What is wrong with what was found, or undefined. */
export function faultDrift(desired: FaultSpec, observed: FaultState): string | undefined {
  if (observed.filters.some(({ handle }) => handle !== desired.hash)) return 'faults changed';
  const counts = [
    ['filters', observed.filters.length, desired.filters.length],
    ['classes', observed.classes.length, desired.classes.length],
    ['queues', observed.queues, desired.classes.length],
  ] as const;
  const differing = counts.find(([, found, wanted]) => found !== wanted);
  return differing && `${differing[1]} ${differing[0]} instead of ${differing[2]}`;
}

const GENERATION = 0x4000;
