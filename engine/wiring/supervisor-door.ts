/** The way to a stack's supervisor: the one that is there, or a new one. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import type net from 'node:net';
import { dirname } from 'node:path';
import { waitLockAside } from '../../native/ffi/lock.ts';
import type { CallName, ParamsOf, ResultOf } from '../control/calls.ts';
import { type CallOptions, type ControlConnection, connectControl, controlConnection, SupervisorGone } from '../control/client.ts';
import { unlessErrno } from '../kernel/system-error.ts';
import { TsstackError } from '../model/errors.ts';
import { readHolder } from '../store/lock.ts';
import type { Session } from './session.ts';

export interface SupervisorDoorOptions {
  readonly build: string;
  readonly command: readonly [string, ...string[]];
}

/** One that ends while it is asked who it is makes room for the next; more than this in a row, and something is wrong. */
const MAX_ATTEMPTS = 5;
/** Of who it is: on a loaded machine it takes a while to start. */
const ANSWER_MS = 20_000;

export class SupervisorDoor implements Disposable {
  readonly #session: Session;
  readonly #options: SupervisorDoorOptions;
  #connection: ControlConnection | undefined;

  constructor(session: Session, options: SupervisorDoorOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** Undefined: there is none. One of another version is asked to leave; what it watched is adopted by the next. */
  async open(): Promise<ControlConnection | undefined> {
    if (this.#connection) return this.#connection;
    return this.#meet(await connectControl(this.#session.paths.socket), (answer) => this.#inTime(answer));
  }

  /** @throws TsstackError `launch` if none can be started. */
  async openOrStart(): Promise<ControlConnection> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const connection = (await this.open()) ?? (await this.#meet(this.#start(), (answer) => answer));
      if (connection) return connection;
    }
    const { supervisorLog } = this.#session.paths;
    throw new TsstackError(`cannot start the supervisor of stack \`${this.#session.stack.name}\`: it ends at once`, {
      code: 'launch',
      hint: lastLine(supervisorLog) ?? `see ${supervisorLog}`,
    });
  }

  /**
   * Asks, of the supervisor that is there or of a new one. One that was just ending takes nothing in any more: then the next is asked.
   * So is it with one that was cut off, for who only listens.
   * @throws TsstackError as the supervisor did; `launch` if it ended in the middle.
   */
  async call<K extends CallName>(name: K, params: ParamsOf<K>, options?: CallOptions): Promise<ResultOf<K>> {
    const listens = name === 'events' || name === 'untilStopped';
    for (let attempt = 1; ; attempt++) {
      const connection = await this.openOrStart();
      try {
        return await connection.call(name, params, options);
      } catch (error) {
        if (!(error instanceof SupervisorGone) || (error.begun && !listens) || attempt === MAX_ATTEMPTS) throw error;
        this.#connection = undefined;
        // It had told something, so that it was no failure to start.
        if (error.begun) attempt = 0;
      }
    }
  }

  /** To be called while it is there; what it returns resolves when its process has ended, which lets go of the stack's lock. */
  untilGone(): () => Promise<void> {
    const fd = unlessErrno(['ENOENT'], () => fs.openSync(this.#session.paths.lock, 'r+'));
    return async () => {
      if (fd === undefined) return;
      await waitLockAside(fd);
      fs.closeSync(fd);
    };
  }

  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]();
    this.#connection = undefined;
  }

  /** `patience`: one that was just started waits for whoever works on the stack by himself, however long that takes. */
  async #meet(
    connection: ControlConnection | undefined,
    patience: <T>(answer: Promise<T>) => Promise<T>,
  ): Promise<ControlConnection | undefined> {
    if (!connection) return undefined;
    try {
      const { build } = await patience(connection.call('hello', {}));
      if (build === this.#options.build) {
        this.#connection = connection;
        connection.closed.then(() => {
          this.#connection = undefined;
        });
        return connection;
      }
      const gone = this.untilGone();
      await connection.call('retire', {});
      await gone();
    } catch (error) {
      if (!(error instanceof SupervisorGone)) throw error;
    }
    connection[Symbol.dispose]();
    return undefined;
  }

  /** @throws TsstackError `launch` if it is there and doesn't answer: suspended, or in a loop. */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#noAnswer()), ANSWER_MS);
    });
    // Whichever comes second is of no interest.
    answer.catch(() => undefined);
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  #noAnswer(): TsstackError {
    const { stack, paths } = this.#session;
    const pid = readHolder(paths.lock)?.pid;
    return new TsstackError(`the supervisor of stack \`${stack.name}\`${pid ? ` (pid ${pid})` : ''} does not answer`, {
      code: 'launch',
      hint: `if it doesn't recover, end it with \`kill -9 ${pid ?? '<pid>'}\`: containers go on, and the same command starts another one`,
    });
  }

  #start(): ControlConnection {
    const { stack, paths, host } = this.#session;
    const [program, ...argv] = this.#options.command;
    fs.mkdirSync(dirname(paths.supervisorLog), { recursive: true, mode: 0o711 });
    const log = fs.openSync(paths.supervisorLog, 'a', 0o600);
    const child = spawn(program, [...argv, JSON.stringify(stack)], {
      // Not of the terminal's session: Ctrl-C is for the command, and a hang-up is nobody's business here.
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log, 'pipe'],
      env: environment(host),
    });
    fs.closeSync(log);
    child.unref();
    // It is told by the closing of the connection.
    child.on('error', () => undefined);
    return controlConnection(child.stdio[3] as net.Socket);
  }
}

/** Node reads these certificates at every start, for 47 ms (facts of the design); the supervisor makes no TLS connection. */
function environment({ stateDirectory, runDirectory }: Session['host']): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return { ...env, TSSTACK_STATE_DIR: stateDirectory, TSSTACK_RUN_DIR: runDirectory };
}

function lastLine(path: string): string | undefined {
  const text = unlessErrno(['ENOENT'], () => fs.readFileSync(path, 'utf8'));
  return text?.trim().split('\n').at(-1) || undefined;
}
