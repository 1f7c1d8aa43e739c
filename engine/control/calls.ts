/** What may be asked over a supervisor's socket. One row a call: what goes there and what comes back; events come in between. */
import type { StackSpec } from '../../dsl/spec.ts';
import type { ContainerListing, StackSource, UpResult } from '../model/engine.ts';
import type { FaultChange, FaultPair } from '../model/faults.ts';

export interface ControlCalls {
  /** First of all: who answers. */
  hello: { params: Nothing; result: SupervisorIdentity };
  up: { params: UpParams; result: UpResult };
  /** The supervisor ends when it has answered; or it `goesOn`, since somebody has asked for something else meanwhile. */
  down: { params: { readonly volumes: boolean; readonly timeoutMs?: number | undefined }; result: UpResult & { readonly goesOn: boolean } };
  stop: { params: StopParams; result: Nothing };
  start: { params: TargetParams; result: Nothing };
  restart: { params: StopParams; result: Nothing };
  kill: { params: TargetParams & { readonly signalName: string }; result: Nothing };
  pause: { params: TargetParams; result: Nothing };
  unpause: { params: TargetParams; result: Nothing };
  setFault: { params: FaultChange; result: Nothing };
  heal: { params: { readonly pair?: FaultPair }; result: Nothing };
  ps: { params: Nothing; result: readonly ContainerListing[] };
  /** Answered when the stack is taken down; until then everything that happens comes as events. */
  events: { params: Nothing; result: Nothing };
  untilStopped: { params: TargetParams; result: readonly ContainerListing[] };
  /** The supervisor ends and leaves everything as it is: another one, of another version, will adopt it. */
  retire: { params: Nothing; result: Nothing };
}
export type CallName = keyof ControlCalls;
export type ParamsOf<K extends CallName> = ControlCalls[K]['params'];
export type ResultOf<K extends CallName> = ControlCalls[K]['result'];

export type Nothing = Readonly<Record<string, never>>;

export interface SupervisorIdentity {
  readonly pid: number;
  /** Changes whenever tsstack's code does. */
  readonly build: string;
}

export interface TargetParams {
  readonly targets?: readonly string[] | undefined;
}
export interface StopParams extends TargetParams {
  readonly timeoutMs?: number | undefined;
}

export interface UpParams {
  readonly spec: StackSpec;
  readonly forceRecreate: boolean;
  readonly services?: readonly string[] | undefined;
  readonly wait: boolean;
  /** Of who asks: where credentials, proxies and settings of registries are. */
  readonly environment: Readonly<Record<string, string>>;
  readonly waitTimeoutMs?: number | undefined;
  /** How the stack file was loaded: its host-side hooks are loaded in the same way. */
  readonly source?: StackSource | undefined;
}
