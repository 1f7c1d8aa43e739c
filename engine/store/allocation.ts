/** What each stack on this host holds of things that all share. Read and written under the host's lock. */
import fs from 'node:fs';
import type { Allocation } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { HostPaths } from './paths.ts';

interface AllocationFile {
  readonly version: 1;
  readonly stack: StackIdentity;
  readonly allocation: Allocation;
}

export const NO_ALLOCATION: Allocation = {
  subnets: {},
  subnets6: {},
  addresses: {},
  addresses6: {},
  joined: {},
  hostPorts: {},
  interfaces: {},
  uidBases: {},
  ports: {},
};

export interface Allocations {
  readonly own: Allocation;
  readonly others: Allocation;
}

export function readAllocations(paths: HostPaths, stack: StackIdentity): Allocations {
  const stacksDirectory = `${paths.stateDirectory}/stacks`;
  const others = structuredClone(NO_ALLOCATION) as Mutable<Allocation>;
  let own = NO_ALLOCATION;
  for (const id of listDirectory(stacksDirectory)) {
    const file = readAllocation(`${stacksDirectory}/${id}/allocation.json`);
    if (!file) continue;
    if (id === stack.id) own = file.allocation;
    else addOther(others, file);
  }
  return { own, others };
}

/** What one stack holds. `path`: `StackPaths.allocation`. */
export function readOwnAllocation(path: string): Allocation {
  return readAllocation(path)?.allocation ?? NO_ALLOCATION;
}

/** Of all stacks of this host, by id. */
export function listAllocations({
  stateDirectory,
}: Pick<HostPaths, 'stateDirectory'>): readonly { readonly stack: StackIdentity; readonly allocation: Allocation }[] {
  const stacksDirectory = `${stateDirectory}/stacks`;
  const ids = listDirectory(stacksDirectory).sort();
  return ids.flatMap((id) => readAllocation(`${stacksDirectory}/${id}/allocation.json`) ?? []);
}

/** Stacks that were brought up from a directory (its real path), whatever its stack file says now: by name, then instance. */
export function stacksOfDirectory(paths: Pick<HostPaths, 'stateDirectory'>, directory: string): readonly StackIdentity[] {
  return listAllocations(paths).flatMap(({ stack }) => (stack.directory === directory ? [stack] : []));
}

/** Whole or not at all: a reader never sees half of it. */
export function writeAllocation(path: string, stack: StackIdentity, allocation: Allocation): void {
  const file: AllocationFile = { version: 1, stack, allocation };
  const text = `${JSON.stringify(file)}\n`;
  if (readText(path) === text) return;
  fs.writeFileSync(`${path}.new`, text);
  fs.renameSync(`${path}.new`, path);
}

type Mutable<T> = { -readonly [K in keyof T]: Record<string, T[K] extends Readonly<Record<string, infer V>> ? V : never> };

function addOther(others: Mutable<Allocation>, { stack, allocation }: AllocationFile): void {
  for (const [network, subnet] of Object.entries(allocation.subnets)) others.subnets[`${stack.id}/${network}`] = subnet;
  for (const [network, subnet] of Object.entries(allocation.subnets6)) others.subnets6[`${stack.id}/${network}`] = subnet;
  const joined: Record<string, string> = { ...allocation.joined };
  for (const network of Object.keys(allocation.subnets)) joined[network] = `${stack.id}/${network}`;
  for (const [network, key] of Object.entries(joined)) others.joined[`${stack.id}/${network}`] = key;
  for (const [at, address] of Object.entries(allocation.addresses)) others.addresses[`${stack.id}/${at}`] = address;
  for (const [at, address] of Object.entries(allocation.addresses6)) others.addresses6[`${stack.id}/${at}`] = address;
  for (const [container, base] of Object.entries(allocation.uidBases)) others.uidBases[`${stack.id}/${container}`] = base;
  for (const [port, service] of Object.entries(allocation.ports)) {
    others.ports[port] = `service \`${service}\` of stack \`${stack.name}\` in ${stack.directory}`;
  }
}

/** A file that cannot be parsed was never finished: its stack holds nothing. */
function readAllocation(path: string): AllocationFile | undefined {
  const text = readText(path);
  if (text === undefined) return undefined;
  try {
    const file = JSON.parse(text) as AllocationFile;
    // What an older version didn't know of, it didn't hold.
    return file.version === 1 ? { ...file, allocation: { ...NO_ALLOCATION, ...file.allocation } } : undefined;
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function listDirectory(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
