/** A command run against a scripted engine and a terminal that is two strings. */

import { parseArguments } from '../../../../cli/arguments.ts';
import { COMMANDS } from '../../../../cli/commands.ts';
import type { CommandContext } from '../../../../cli/context.ts';
import { type InterruptName, listenForInterrupts } from '../../../../cli/interrupts.ts';
import type { TextStream } from '../../../../cli/terminal.ts';
import type { ServiceSpec, StackSpec } from '../../../../dsl/spec.ts';
import type { ContainerListing, Engine, LogLine } from '../../../../engine/model/engine.ts';
import { TsstackError } from '../../../../engine/model/errors.ts';
import type { Op, Plan, Step } from '../../../../engine/model/plan.ts';
import { service } from '../../../support/plan-world.ts';

export const NOW = Date.UTC(2026, 10, 22, 20, 0, 0);

export interface Session {
  /** Runs to its end. Errors reject. */
  run(...argv: string[]): Promise<number>;
  out(): string;
  err(): string;
  /** What was asked of the engine, in order. */
  readonly calls: string[];
  /** As if the process had got it. */
  interrupt(name: InterruptName): void;
  readonly exits: number[];
  closeOut(): void;
}

export interface SessionOptions {
  readonly services?: Readonly<Record<string, Partial<ServiceSpec>>>;
  readonly isTTY?: boolean;
  /** The stack file can't be loaded; the stack runs from here all the same. */
  readonly broken?: boolean;
  readonly size?: { readonly columns: number; readonly rows: number };
}

export function session(
  engine: Partial<Engine>,
  { services = { web: {}, api: { replicas: 2 } }, isTTY = false, broken = false, size }: SessionOptions = {},
): Session {
  const calls: string[] = [];
  const out = memoryStream(isTTY, size);
  const err = memoryStream(false);
  const listeners = new Set<(name: InterruptName) => void>();
  const exits: number[] = [];
  const interrupts = listenForInterrupts({
    on: (name, listener) => name === 'SIGINT' && listeners.add(listener),
    off: (_name, listener) => listeners.delete(listener),
    exit: (code) => exits.push(code),
  });
  const spec = stackSpec(services);
  return {
    async run(...argv) {
      const { command, given, words, global } = parseArguments(argv, COMMANDS, NOW);
      if (command === undefined) throw new Error('no command');
      const context: CommandContext = {
        commandName: command.name,
        global,
        terminal: { out: out.stream, err: err.stream, stdinIsTTY: isTTY },
        interrupts,
        env: { GREETING: 'hello' },
        paths: { packageRoot: '/p', directory: '/d', stateDirectory: '/s', runDirectory: '/r', cacheDirectory: '/c', launcher: '/l' },
        now: () => NOW,
        findStackFile: async () => '/d/stack.config.ts',
        typeCheck: async () => [],
        async loadStack() {
          if (broken) throw new TsstackError('invalid stack file', { code: 'invalid-stack-file' });
          return { file: '/d/stack.config.ts', directory: '/d', spec, dependencies: [], notices: [] };
        },
        connect: async () => scriptedEngine(engine, calls),
        connectRemembered: async () => (broken ? scriptedEngine(engine, calls) : undefined),
      };
      return command.run(given, words, context);
    },
    out: out.text,
    err: err.text,
    calls,
    interrupt: (name) => {
      for (const listener of listeners) listener(name);
    },
    exits,
    closeOut: out.close,
  };
}

/** Notes each call; what the script has no answer for is an error. */
function scriptedEngine(script: Partial<Engine>, calls: string[]): Engine {
  const noted = (name: keyof Engine) => {
    const answer = script[name];
    return (...argv: unknown[]) => {
      calls.push(name as string);
      if (typeof answer !== 'function') throw new Error(`the script says nothing about ${String(name)}`);
      return (answer as (...all: unknown[]) => unknown)(...argv);
    };
  };
  const names = [
    'plan',
    'up',
    'down',
    'stop',
    'start',
    'restart',
    'kill',
    'pause',
    'unpause',
    'setFault',
    'heal',
    'faults',
    'ps',
    'networks',
    'logs',
    'exec',
    'events',
    'stats',
    'top',
    'ports',
    'untilStopped',
  ] as const;
  return {
    ...(Object.fromEntries(names.map((name) => [name, noted(name)])) as unknown as Engine),
    identity: { name: 'shop', directory: '/d', instance: undefined, hash: '00000000', id: 'shop-00000000' },
    async [Symbol.asyncDispose]() {
      calls.push('dispose');
    },
  };
}

function memoryStream(isTTY: boolean, size?: SessionOptions['size']): { stream: TextStream; text: () => string; close: () => void } {
  let text = '';
  const closed = new AbortController();
  const write = (more: string) => {
    text += more;
  };
  return { stream: { write, isTTY, color: false, size: () => size, closed: closed.signal }, text: () => text, close: () => closed.abort() };
}

export function stackSpec(services: Readonly<Record<string, Partial<ServiceSpec>>>): StackSpec {
  const full = Object.entries(services).map(([name, given]) => [name, { ...SERVICE, ...given }] as const);
  return { name: 'shop', services: Object.fromEntries(full), networks: {}, volumes: {} };
}

export function step(id: number, resource: string, op: string, more: object = {}): Step {
  // Tests of what is shown need an operation's kind, not what it takes to do it.
  return { id, resource, op: { kind: op, ...more } as unknown as Op, cause: 'not found', dependsOn: [] };
}

export function planOf(...steps: Step[]): Plan {
  return { stack: 'shop', steps, notices: [], confirmations: [], obstacles: [], waiting: {}, unreached: [] };
}

export function listing(name: string, more: Partial<ContainerListing> = {}): ContainerListing {
  return { ...LISTING, name, fullName: `shop-${name}`, service: name.replace(/-\d+$/, ''), ...more };
}

export async function* lines(...texts: string[]): AsyncGenerator<LogLine> {
  for (const text of texts) {
    const [container = '', ...rest] = text.split(' ');
    yield { container, stream: 'stdout', time: '2026-11-22T20:00:00.000000000Z', text: rest.join(' ') };
  }
}

const LISTING: ContainerListing = {
  name: 'web-1',
  fullName: 'shop-web-1',
  service: 'web',
  kind: 'service',
  state: 'running',
  pid: 1,
  image: 'host',
  command: ['node'],
  createdAt: NOW,
  startedAt: NOW,
  finishedAt: undefined,
  exit: undefined,
  health: undefined,
  paused: false,
  restarts: 0,
  reason: undefined,
  addresses: { default: '10.0.0.2' },
  addresses6: {},
  ports: ['127.0.0.1:8080->80/tcp'],
};

const SERVICE = service({
  image: { kind: 'hostRootfs' },
  command: ['node', 'a b.js'],
  networks: [],
  stopSignal: 'SIGTERM',
  limits: { ...service().limits, memory: 268_435_456 },
});
