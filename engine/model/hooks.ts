/** Functions of the stack file that the supervisor calls. */
import type { HostHooks } from '../../dsl/host-hooks.ts';

export type { HostHooks } from '../../dsl/host-hooks.ts';
export type { HookEvent, HostHook } from '../../dsl/input-hooks.ts';

export type HooksByService = Readonly<Record<string, HostHooks>>;
