import { nearest } from '../../dsl/suggest.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContainerName } from '../model/ids.ts';

export interface Resolvable {
  readonly name: ContainerName;
  readonly service: string;
}

export interface ResolveOptions {
  /** Name of the stack: `shop-web-1` is its `web-1`. */
  readonly stack: string;
  /** Services that are known though they have no container: `replicas: 0`. */
  readonly services?: readonly string[] | undefined;
  /** A name that is neither stands for nothing. */
  readonly ignoreUnknown?: boolean;
}

/**
 * The containers that services or containers (`web`, `web-1`, `shop-web-1`) stand for, in the order of `containers`, each once. A service wins over a
 * container of the same name. Undefined: all.
 * @throws TsstackError `not-found` for the first name that is neither, with the nearest that is.
 */
export function resolveTargets<T extends Resolvable>(
  containers: readonly T[],
  targets: readonly string[] | undefined,
  options: ResolveOptions,
): readonly T[] {
  if (targets === undefined) return containers;
  const services = new Set([...containers.map(({ service }) => service), ...(options.services ?? [])]);
  const chosen = new Set<ContainerName>();
  for (const target of targets) {
    const found = matching(containers, target, { services, stack: options.stack });
    if (found === undefined && options.ignoreUnknown) continue;
    if (found === undefined) throw unknown(target, [...services, ...containers.map(({ name }) => name)], options.stack);
    for (const { name } of found) chosen.add(name);
  }
  return containers.filter(({ name }) => chosen.has(name));
}

/** Undefined: it is no name here. */
function matching<T extends Resolvable>(
  containers: readonly T[],
  target: string,
  { services, stack }: { readonly services: ReadonlySet<string>; readonly stack: string },
): readonly T[] | undefined {
  if (services.has(target)) return containers.filter(({ service }) => service === target);
  const found = containers.filter(({ name }) => name === target || `${stack}-${name}` === target);
  return found.length > 0 ? found : undefined;
}

function unknown(target: string, names: readonly string[], stack: string): TsstackError {
  const message = `there is no service or container \`${target}\` in stack \`${stack}\``;
  const near =
    nearest(target, names) ??
    nearest(
      target,
      names.map((name) => `${stack}-${name}`),
    );
  const hint = near === undefined ? listed(names) : `did you mean \`${near}\`?`;
  return new TsstackError(message, { code: 'not-found', hint });
}

function listed(names: readonly string[]): string | undefined {
  if (names.length === 0) return 'nothing is there: `tsstack up -d` starts the stack';
  return names.length > 12 ? '`tsstack ps --all` lists what there is' : `there are: ${names.join(', ')}`;
}
