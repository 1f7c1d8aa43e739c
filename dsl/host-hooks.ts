/** Functions of the stack file that the supervisor calls. They are no data: a spec only tells which there are. */
import type { HostHook } from './input-hooks.ts';
import type { HostHookName } from './spec.ts';

export type HostHooks = Readonly<Partial<Record<HostHookName, HostHook>>>;

/** Sorted. */
export const HOST_HOOKS: readonly HostHookName[] = ['onExited', 'onHealthy', 'onStarted', 'onUnhealthy'];

/** By service, of what `evaluateStack` gave; services that have none are left out. Whatever is wrong with the stack is passed over. */
export function hostHooksOf(input: unknown): Readonly<Record<string, HostHooks>> {
  const services = Object.entries(objectAt(input, 'services')).map(([name, service]) => [name, functionsOf(service)] as const);
  return Object.fromEntries(services.filter(([, hooks]) => Object.keys(hooks).length > 0));
}

function functionsOf(service: unknown): HostHooks {
  const hooks: Partial<Record<HostHookName, HostHook>> = {};
  for (const name of HOST_HOOKS) {
    const value: unknown = typeof service === 'object' && service !== null ? Reflect.get(service, name) : undefined;
    if (isHostHook(value)) hooks[name] = value;
  }
  return hooks;
}

function isHostHook(value: unknown): value is HostHook {
  return typeof value === 'function';
}

function objectAt(value: unknown, key: string): object {
  const inner: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return typeof inner === 'object' && inner !== null ? inner : {};
}
