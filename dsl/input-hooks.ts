/** What is run at points of a container's life: commands in the container, and functions of the stack file on the host. */
import type { Duration, Scalar } from './input-values.ts';
import type { PublishedPort } from './spec.ts';

/** Text runs in the container's `/bin/sh -c`; a list is a program and its arguments. */
export type HookCommand = string | readonly string[] | HookInput;

export interface HookInput {
  /** Text runs in the container's `/bin/sh -c`; a list is a program and its arguments. */
  readonly command: string | readonly string[];
  /** `user`, `uid`, `user:group` or `uid:gid`. Default: the service's. */
  readonly user?: string | number;
  /** Absolute path in the container. Default: the service's. */
  readonly workingDir?: string;
  /** Over the service's. `null` takes the variable from the environment of `tsstack`. */
  readonly environment?: { readonly [name: string]: Scalar | null | undefined };
  /** After which it is killed and has failed, 10 ms or more, default 30 s. */
  readonly timeout?: Duration;
}

/** A function of the stack file. A promise that it returns is waited for; what it throws is told and changes nothing. */
export type HostHook = (event: HookEvent) => unknown;

/** What a function of the stack file is told about the container that it is called for. */
export interface HookEvent {
  readonly service: string;
  /** Its short name: `web-1`. */
  readonly container: string;
  /** IPv4 address by network. The host reaches the container there. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Published by its service. */
  readonly ports: readonly PublishedPort[];
  /** When it happened, ms since the epoch. */
  readonly at: number;
  /** Aborted after `hookTimeout`. */
  readonly signal: AbortSignal;
  /** How it ended. Only of `onExited`. */
  readonly exit: HookExit | undefined;
  /** Tells a line of text among the events of the stack. */
  readonly log: (text: string) => void;
}

export interface HookExit {
  /** 128 + n for signal n. */
  readonly code: number;
  readonly signal: number | undefined;
  /** The kernel killed it for want of memory. */
  readonly oomKilled: boolean;
}

/** Called by the supervisor, which loads the stack file for them. */
export interface HostHooksInput {
  /** Its process runs, and its `postStart` has ended. */
  readonly onStarted?: HostHook;
  /** It has become healthy: for the first time, or again. */
  readonly onHealthy?: HostHook;
  readonly onUnhealthy?: HostHook;
  /** Its process has ended, whoever ended it. */
  readonly onExited?: HostHook;
  /** For each call, 10 ms or more, default 30 s. */
  readonly hookTimeout?: Duration;
}
