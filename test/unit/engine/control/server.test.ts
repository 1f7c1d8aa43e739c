import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ControlConnection, connectControl } from '../../../../engine/control/client.ts';
import { type CallContext, type ControlServer, type Handlers, LeftUnanswered, listenControl } from '../../../../engine/control/server.ts';
import { TsstackError } from '../../../../engine/model/errors.ts';
import type { EngineEvent } from '../../../../engine/model/events.ts';

const NOTICE: EngineEvent = { type: 'notice', at: 1, message: 'it rains' };

let directory: string;
let path: string;
let idle: number;
const opened: { close(): unknown }[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-control-'));
  path = join(directory, 'shop.sock');
  idle = 0;
  // A test's thread may not set it. The e2e tests look at the mode.
  vi.spyOn(process, 'umask').mockReturnValue(0o022);
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const one of opened.splice(0).reverse()) await one.close();
  rmSync(directory, { recursive: true });
});

async function serve(handlers: Partial<Handlers>): Promise<ControlServer> {
  const server = await listenControl(path, handlers as Handlers, () => idle++);
  opened.push(server);
  return server;
}
async function connect(): Promise<ControlConnection> {
  const connection = await connectControl(path);
  if (!connection) throw new Error('nobody listens');
  opened.push({ close: () => connection[Symbol.dispose]() });
  return connection;
}
/** Somebody who asks and does nothing else by itself. */
async function connectRaw(): Promise<net.Socket> {
  const socket = net.connect({ path, allowHalfOpen: true });
  opened.push({ close: () => socket.destroy() });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}
const asked = <T>() => {
  let answer: (value: T) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((resolve, reject) => {
    answer = resolve;
    fail = reject;
  });
  return { promise, answer, fail };
};

test('one that closes before it has taken a connection is nobody', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const connection = connectControl(path);
  server.close();
  expect(await connection).toBeUndefined();
});

test('events come before the answer, and errors keep their code and hint', async () => {
  await serve({
    start: async (_, { onEvent }) => {
      onEvent(NOTICE);
      return {};
    },
    stop: async () => {
      throw new TsstackError('cannot stop `web-1`', { code: 'kernel', hint: 'wait' });
    },
  });
  const connection = await connect();
  const told: unknown[] = [];
  await connection.call('start', {}, { onEvent: (event) => told.push(event) });
  expect(told).toEqual([NOTICE]);
  await expect(connection.call('stop', {})).rejects.toMatchObject({ message: 'cannot stop `web-1`', code: 'kernel', hint: 'wait' });
});

test('a call that it does not know is an error of that call alone', async () => {
  await serve({ ps: async () => [] });
  const connection = await connect();
  await expect(connection.call('pause', {})).rejects.toThrow('the supervisor knows no call `pause`');
  await expect(connection.call('ps', {})).resolves.toEqual([]);
});

test('an asker that cancels or hurries is heard, also when it had done so before it asked', async () => {
  const contexts: CallContext[] = [];
  const answers = [asked<Record<string, never>>(), asked<Record<string, never>>()];
  await serve({
    stop: (_, context) => {
      contexts.push(context);
      return answers[contexts.length - 1]?.promise ?? Promise.resolve({});
    },
    ps: async () => [],
  });
  const connection = await connect();
  const [abort, hurry] = [new AbortController(), new AbortController()];
  const first = connection.call('stop', {}, { signal: abort.signal, hurry: hurry.signal });
  const second = connection.call('stop', {}, { signal: AbortSignal.abort() });
  await connection.call('ps', {});
  expect(contexts.map(({ signal }) => signal.aborted)).toEqual([false, true]);
  hurry.abort();
  await connection.call('ps', {});
  expect(contexts[0]?.hurry.aborted).toBe(true);
  expect(contexts[0]?.signal.aborted).toBe(false);
  abort.abort();
  await connection.call('ps', {});
  expect(contexts[0]?.signal.aborted).toBe(true);
  for (const { answer } of answers) answer({});
  await Promise.all([first, second]);
});

test('what an asker that has gone asked for is carried out, and whoever works on it knows that it has gone', async () => {
  const begun = asked<CallContext>();
  const done = asked<Record<string, never>>();
  await serve({
    start: (_, context) => {
      begun.answer(context);
      return done.promise;
    },
  });
  const connection = await connect();
  const lost = connection.call('start', {});
  lost.catch(() => undefined);
  const { gone, signal } = await begun.promise;
  const left = new Promise((resolve) => gone.addEventListener('abort', resolve));
  connection[Symbol.dispose]();
  await left;
  expect(signal.aborted).toBe(false);
  await expect(lost).rejects.toMatchObject({ begun: false });
  done.answer({});
});

test('one who sends no frames is cut off, and the others are served on', async () => {
  await serve({ ps: async () => [] });
  const connection = await connect();
  for (const nonsense of ['GET / HTTP/1.1\r\n\r\n', 'null\n', '7\n']) {
    const stranger = await connectRaw();
    const closed = new Promise((resolve) => stranger.once('close', resolve));
    stranger.resume().end(nonsense);
    await closed;
  }
  await expect(connection.call('ps', {})).resolves.toEqual([]);
});

test('who listens and never reads is cut off when too much has come together', async () => {
  const listening = asked<CallContext>();
  await serve({
    events: async (_, context) => {
      listening.answer(context);
      await new Promise((resolve) => context.gone.addEventListener('abort', resolve));
      return {};
    },
  });
  const reader = await connectRaw();
  reader.pause();
  reader.write('{"id":1,"call":"events","params":{}}\n');
  const { onEvent, gone } = await listening.promise;
  const event: EngineEvent = { ...NOTICE, message: 'x'.repeat(1 << 20) };
  for (let i = 0; i < 64 && !gone.aborted; i++) {
    onEvent(event);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(gone.aborted).toBe(true);
});

test('it closes when all is answered, and the last answer still arrives', async () => {
  const last = asked<Record<string, never>>();
  const begun = asked<void>();
  const server = await serve({
    stop: () => {
      begun.answer();
      return last.promise;
    },
  });
  const connection = await connect();
  const answer = connection.call('stop', {});
  await begun.promise;
  const closed = server.close();
  last.answer({});
  await expect(answer).resolves.toEqual({});
  await closed;
  await connection.closed;
});

test('what is asked for while it closes is taken up by nobody: the asker learns that it has not begun', async () => {
  const last = asked<Record<string, never>>();
  const begun = asked<CallContext>();
  let taken = 0;
  const server = await serve({
    stop: (_, context) => {
      begun.answer(context);
      return last.promise;
    },
    start: async () => {
      taken++;
      return {};
    },
  });
  const connection = await connect();
  const cancel = new AbortController();
  const answer = connection.call('stop', {}, { signal: cancel.signal });
  const { signal } = await begun.promise;
  const closed = server.close();
  const late = connection.call('start', {});
  late.catch(() => undefined);
  // Frames are read in order: when this one has been, so has the one before.
  cancel.abort();
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  last.answer({});
  await answer;
  await expect(late).rejects.toMatchObject({ begun: false });
  expect(taken).toBe(0);
  await closed;
});

test('a call that is left unanswered has not begun for its asker, who is told by the end of the connection', async () => {
  const server = await serve({
    up: async () => {
      throw new LeftUnanswered();
    },
    ps: async () => [],
  });
  const connection = await connect();
  const left = connection.call('up', { spec: {} as never, forceRecreate: false, wait: false, environment: {} });
  left.catch(() => undefined);
  await connection.call('ps', {});
  await server.close();
  await expect(left).rejects.toMatchObject({ begun: false });
});

test.each([0, 4 << 20])('it closes though somebody is connected who neither closes nor reads what there is, %i bytes', async (bytes) => {
  const told = asked<void>();
  const server = await serve({
    start: async (_, { onEvent }) => {
      onEvent({ ...NOTICE, message: 'x'.repeat(bytes) });
      told.answer();
      return {};
    },
  });
  const suspended = await connectRaw();
  suspended.pause();
  suspended.write('{"id":1,"call":"start","params":{}}\n');
  await told.promise;
  await expect(server.close()).resolves.toBeUndefined();
});
