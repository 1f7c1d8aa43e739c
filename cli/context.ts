/** All that a command needs from outside, so that a test can hand it something else. */
import type { StackSpec } from '../dsl/spec.ts';
import type { Engine } from '../engine/model/engine.ts';
import type { Interrupts } from './interrupts.ts';
import type { GlobalOptions } from './options.ts';
import type { Terminal } from './terminal.ts';

export interface CommandContext {
  readonly commandName: string;
  readonly global: GlobalOptions;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  readonly env: NodeJS.ProcessEnv;
  readonly paths: Paths;
  /** ms since the epoch. */
  readonly now: () => number;
  /** Absolute path. */
  readonly findStackFile: () => Promise<string>;
  /** Each type error as text with its place. */
  readonly typeCheck: (file: string) => Promise<readonly string[]>;
  readonly loadStack: () => Promise<LoadedStack>;
  /** The engine of one stack. To be disposed. */
  readonly connect: (stack: LoadedStack) => Promise<Engine>;
  /** The engine of the one stack that runs from this directory, whatever its stack file says. Undefined: none does, or several. */
  readonly connectRemembered: () => Promise<Engine | undefined>;
}

export interface LoadedStack {
  /** Absolute path of the stack file. */
  readonly file: string;
  readonly directory: string;
  readonly spec: StackSpec;
  /** Files that decided what it is, absolute; some need not exist. */
  readonly dependencies: readonly string[];
  /** Worth telling, no reason to stop. */
  readonly notices: readonly string[];
}

export interface Paths {
  /** Where this package is: holds `dist` and `node_modules`. */
  readonly packageRoot: string;
  /** Absolute; where the stack file is looked for. */
  readonly directory: string;
  /** What outlives a boot: volumes, container directories, logs. */
  readonly stateDirectory: string;
  /** What does not: locks, sockets. */
  readonly runDirectory: string;
  /** Transpiled stack files. May be deleted at any time. */
  readonly cacheDirectory: string;
  readonly launcher: string;
}
