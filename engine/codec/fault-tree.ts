/** The faults of one link ⇄ numbers of the classes and filters at its end on the host. */
import { isDeepStrictEqual } from 'node:util';
import type { FaultClass, FaultClassState, FaultSpec, FaultState } from '../model/faults.ts';
import { faultQueue, htbRates } from './fault-class.ts';

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
  const used = new Set([...filters.map(({ priority }) => priority > GENERATION), ...classes.map(({ minor }) => minor > GENERATION)]);
  if (used.size === 2) return undefined;
  return used.has(false) ? 1 : 0;
}

/** What is wrong with what was found, or undefined. */
export function faultDrift(desired: FaultSpec, observed: FaultState): string | undefined {
  if (observed.filters.some(({ handle }) => handle !== desired.hash)) return 'faults changed';
  const counts = [
    ['filters', observed.filters.length, desired.filters.length],
    ['classes', observed.classes.length, desired.classes.length],
    ['queues', observed.classes.filter(({ queue }) => queue !== undefined).length, desired.classes.length],
  ] as const;
  const differing = counts.find(([, found, wanted]) => found !== wanted);
  if (differing) return `${differing[1]} ${differing[0]} instead of ${differing[2]}`;
  const inPlace = observed.classes.toSorted((one, other) => one.minor - other.minor);
  return inPlace.flatMap((found, place) => classDrift(desired.classes[place], found) ?? [])[0];
}

function classDrift(desired: FaultClass | undefined, { minor, queue, ...rates }: FaultClassState): string | undefined {
  if (!desired) return undefined;
  const name = `class ${(FAULTS_ROOT >>> 16).toString(16)}:${minor.toString(16)}`;
  if (!isDeepStrictEqual(rates, htbRates(desired))) return `${name} has another rate`;
  return isDeepStrictEqual(queue, faultQueue(desired)) ? undefined : `${name} has another queue`;
}

const GENERATION = 0x4000;
