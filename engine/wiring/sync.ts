/** Files of the host into running containers, through the launcher: from inside, a container's symbolic links lead nowhere else. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { decodeFrames, encodeFrame } from '../codec/launcher-frames.ts';
import { receiveArguments, syncFailure, syncRequest } from '../codec/sync-requests.ts';
import { observeContainers } from '../kernel/containers.ts';
import type { ContainerRecord, ContainerStatus } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { SyncChange, SyncOptions } from '../model/sync.ts';
import type { Session } from './session.ts';

/**
 * Makes the changes in every running container of a service. Resolves to the names of those containers.
 * @throws TsstackError `kernel` with all that could not be done, after the rest was; `cancelled` at the signal.
 */
export async function syncIntoService(session: Session, { service, changes, signal }: SyncOptions): Promise<readonly string[]> {
  const { paths, bootId } = session;
  const running = observeContainers(paths.containers, bootId).filter(
    ({ record, status }) => record?.service === service && status.state === 'running',
  );
  const results = await Promise.allSettled(
    running.map(({ record, status }) => (record ? syncInto(session, { record, status, changes, signal }) : undefined)),
  );
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) {
    const message = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure))).join('\n');
    throw new TsstackError(message, { code: 'kernel', cause: new AggregateError(failures) });
  }
  return running.map(({ name }) => name);
}

export interface SyncInto {
  readonly record: ContainerRecord;
  readonly status: ContainerStatus;
  readonly changes: AsyncIterable<SyncChange> | Iterable<SyncChange>;
  readonly signal: AbortSignal;
}

/** @throws TsstackError `not-found` if the container doesn't run, `kernel` with all changes that could not be made. */
export async function syncInto(session: Pick<Session, 'launcherBinary'>, { record, status, changes, signal }: SyncInto): Promise<void> {
  const { name, launch } = record;
  if (!status.init) throw new TsstackError(`cannot sync into container \`${name}\`: it is not running`, { code: 'not-found' });
  signal.throwIfAborted();
  const child = spawn(session.launcherBinary, receiveArguments(launch, status.init), { stdio: ['pipe', 'pipe', 'pipe'], signal });
  const answers = readAnswers(child);
  const sent: SyncChange[] = [];
  // When it can't be written to any more, its answer says why.
  const [sending, answered] = await Promise.allSettled([sendAll(child.stdin, changes, sent), answers]);
  if (answered.status === 'rejected') throw answered.reason;
  const failed = answered.value.filter(([word]) => word !== 'done');
  if (failed.length > 0 && !isOurs(sending)) throw syncFailure(name, failed, sent);
  if (sending.status === 'rejected') throw sending.reason;
  if (answered.value.length === 0) {
    throw new TsstackError(`cannot sync into container \`${name}\`: the launcher ended before it was done`, { code: 'kernel' });
  }
}

/** A file of the host could not be read: what the launcher says then only follows from it. */
function isOurs(sending: PromiseSettledResult<void>): boolean {
  return sending.status === 'rejected' && sending.reason instanceof TsstackError;
}

async function sendAll(to: Writable, changes: SyncInto['changes'], sent: SyncChange[]): Promise<void> {
  let failure: Error | undefined;
  to.on('error', (error) => {
    failure = error;
  });
  const send: Send = (bytes) =>
    new Promise((resolve, reject) => {
      if (failure) reject(failure);
      else to.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  try {
    for await (const change of changes) {
      if (change.kind === 'file') await sendFile(change, sent, send);
      else {
        sent.push(change);
        await send(encodeFrame(syncRequest(change)));
      }
    }
    to.end();
  } catch (error) {
    to.destroy();
    throw error;
  }
}

type Send = (bytes: Buffer) => Promise<void>;

/** One that is gone by now is left out: who watches it is told of that in its turn. */
async function sendFile(change: SyncChange & { readonly kind: 'file' }, sent: SyncChange[], send: Send): Promise<void> {
  const { source } = change;
  const file = await openIfThere(source);
  if (!file) return;
  try {
    const { size } = await file.stat();
    sent.push(change);
    await send(encodeFrame(syncRequest(change, size)));
    const chunk = Buffer.allocUnsafe(Math.min(size, CHUNK_BYTES));
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, size - at), at);
      // Its size is promised already, and half a file must not take the place of a whole one.
      if (bytesRead === 0) throw new TsstackError(`cannot sync \`${source}\`: it became shorter while it was read`, { code: 'kernel' });
      await send(chunk.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

const CHUNK_BYTES = 1024 * 1024;

async function openIfThere(source: string): Promise<FileHandle | undefined> {
  try {
    return await open(source);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw new TsstackError(`cannot sync \`${source}\`: ${why}`, { code: 'kernel', cause: error });
  }
}

function readAnswers(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<readonly (readonly string[])[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.resume();
    child.on('error', reject);
    child.on('close', () => resolve(decodeFrames(Buffer.concat(chunks)).frames));
  });
}
