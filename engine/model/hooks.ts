import type { HostHook } from '../../dsl/input-hooks.ts';
import type { HostHookName } from '../../dsl/spec.ts';

/** The functions of a stack file, by service. */
export type HostHooks = Readonly<Record<string, Partial<Record<HostHookName, HostHook>>>>;
