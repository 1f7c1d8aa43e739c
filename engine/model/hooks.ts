/** Functions of the stack file that the supervisor calls. */
import type { HostHookName, PortSpec } from '../../dsl/spec.ts';
import type { ContainerExit } from './container.ts';
import type { ContainerName } from './ids.ts';

/** What such a function is told. */
export interface HookEvent {
  readonly service: string;
  readonly container: ContainerName;
  /** Network → IPv4 address. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly ports: readonly PortSpec[];
  /** ms since the epoch. */
  readonly at: number;
  /** Aborted when the time for the call is over. */
  readonly signal: AbortSignal;
  /** Only of `onExited`. Undefined: nobody saw it. */
  readonly exit: Pick<ContainerExit, 'code' | 'signal' | 'oomKilled'> | undefined;
  /** Tells a line of text among the events of the stack. */
  readonly log: (text: string) => void;
}

export type HostHook = (event: HookEvent) => unknown;

/** As one service declares them. */
export type HostHooks = { readonly [K in HostHookName]?: HostHook };
