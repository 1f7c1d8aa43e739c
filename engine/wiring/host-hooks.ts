/** Calls the functions of the stack file: loaded when the first of them is to be called, once for each `up`. */
import type { HostHookName } from '../../dsl/spec.ts';
import { readContainerStatus } from '../kernel/container-status.ts';
import { readRecord } from '../kernel/containers.ts';
import type { StackSource } from '../model/engine.ts';
import type { OnEvent } from '../model/events.ts';
import type { HooksByService } from '../model/hooks.ts';
import type { ContainerName } from '../model/ids.ts';
import type { DesiredState } from '../store/desired-state.ts';
import { callHostHook } from './hooks.ts';
import type { Session } from './session.ts';

export interface HostHookCallsOptions {
  readonly session: Session;
  readonly load: (source: StackSource) => Promise<HooksByService>;
  readonly emit: OnEvent;
}

export class HostHookCalls {
  readonly #options: HostHookCallsOptions;
  #loaded: { readonly of: DesiredState; readonly hooks: Promise<HooksByService> } | undefined;

  constructor(options: HostHookCallsOptions) {
    this.#options = options;
  }

  /** Returns at once. What becomes of the call is told as an event. */
  call(moment: HostHookName, container: ContainerName, desired: DesiredState | undefined): void {
    const { session, emit } = this.#options;
    const directory = `${session.paths.containers}/${container}`;
    const record = readRecord(directory);
    if (!desired?.source || !record?.hooks.host.includes(moment)) return;
    const at = Date.now();
    const { exit } = readContainerStatus(directory, session.bootId);
    this.#hooks(desired, desired.source).then(
      async (hooks) => {
        const hook = hooks[record.service]?.[moment];
        if (hook) await callHostHook(hook, { name: moment, record, at, exit, stack: session.stack.name }, { emit });
      },
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        emit({ type: 'hook', at, container, hook: moment, durationMs: Date.now() - at, error: message });
      },
    );
  }

  #hooks(desired: DesiredState, source: StackSource): Promise<HooksByService> {
    if (this.#loaded?.of !== desired) this.#loaded = { of: desired, hooks: this.#options.load(source) };
    return this.#loaded.hooks;
  }
}
