/**
 * A rule compares one desired thing with what was found and says what to do about it: pure, and blind to all other things.
 * What it removes comes before what it makes. `reconcile` adds the edges between resources.
 */
import type { ResourceId } from '../../model/ids.ts';
import type { Obstacle, Op, Policy } from '../../model/plan.ts';
import type { ResourceKind, ResourceKinds, UnownedLink } from '../../model/resources.ts';

export interface Change {
  readonly op: Op;
  readonly cause: string;
}

export interface Changes {
  readonly remove: readonly Change[];
  readonly make: readonly Change[];
  readonly obstacle?: Obstacle;
}

export interface RuleContext {
  readonly policy: Policy;
  /** The thing that this one ends with is made anew in this plan, so nothing of what was observed will be left. */
  readonly renewed: boolean;
  /** Of a container and its process: what is asked of it, by the policy or because of what it depends on. */
  readonly order: Order;
  /** Of a veth: the address of its container end is gone, and with it perhaps more that cannot be seen. */
  readonly bare: boolean;
  /** What is behind a link's name that isn't ours. */
  readonly unownedLinks: Readonly<Record<string, UnownedLink>>;
}

export type Order =
  | { readonly kind: 'none' }
  /** `dragged`: not asked for by name, but because something it depends on is restarted. */
  | { readonly kind: 'restart'; readonly cause: string; readonly dragged: boolean }
  /** `dragged`: to be started again by a later plan. */
  | { readonly kind: 'stop'; readonly cause: string; readonly dragged: boolean };

export type Rule<K extends ResourceKind> = (
  id: ResourceId,
  found: { readonly desired: ResourceKinds[K]['desired'] | undefined; readonly observed: ResourceKinds[K]['observed'] | undefined },
  context: RuleContext,
) => Changes;

export type Rules = { readonly [K in ResourceKind]: Rule<K> };

export const NOTHING: Changes = { remove: [], make: [] };
export const NOT_FOUND = 'not found';
export const NOT_DECLARED = 'not declared any more';

export function make(op: Op, cause: string): Changes {
  return { remove: [], make: [{ op, cause }] };
}

export function remove(op: Op, cause: string): Changes {
  return { remove: [{ op, cause }], make: [] };
}
