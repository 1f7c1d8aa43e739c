/** Downloads one blob: from where it was cut off, checked against its digest. */
import type { IncomingMessage } from 'node:http';
import { digestOf } from '../../codec/digest.ts';
import type { Descriptor } from '../../codec/image-manifest.ts';
import { TsstackError } from '../../model/errors.ts';
import type { Client } from './client.ts';
import type { Endpoint } from './endpoint.ts';
import { networkFailure, RegistryFailure } from './failures.ts';

/** Where a blob goes. It may hold a part of it from an earlier time: the download goes on from there. */
export interface BlobSink {
  /** Bytes it holds. */
  readonly offset: number;
  /** Appends. The chunk is the sink's from now on; the next one comes when the promise is fulfilled. */
  write(chunk: Uint8Array): Promise<void> | void;
  /** Of all it holds, in the algorithm of the descriptor's digest: `sha256:…`. Asked for once it is complete. */
  digest(): Promise<string> | string;
  /** Forgets all it holds: it was not what it should have been. */
  restart(): Promise<void> | void;
}

export interface BlobTransfer {
  readonly client: Client;
  readonly endpoint: Endpoint;
  /** With the endpoint's prefix. */
  readonly repository: string;
  readonly descriptor: Descriptor;
  readonly sink: BlobSink;
  readonly doing: string;
  readonly signal: AbortSignal;
  /** Bytes the sink holds, of `descriptor.size`. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** One attempt. Rejects with a `RegistryFailure`; a transient one may be tried again and goes on where this one ended. */
export async function transferBlob(transfer: BlobTransfer): Promise<void> {
  const { descriptor, sink } = transfer;
  if (sink.offset > descriptor.size) await sink.restart();
  const kept = sink.offset;
  if (kept < descriptor.size) await receive(transfer);
  const digest = await sink.digest();
  if (digest === descriptor.digest) return;
  await sink.restart();
  // What was there already may have been damaged: once more, from the start.
  throw wrongContent(transfer, { why: `what came is \`${digest}\``, transient: kept > 0 });
}

async function receive(transfer: BlobTransfer): Promise<void> {
  const { client, endpoint, repository, descriptor, sink, doing, signal, onProgress } = transfer;
  const start = sink.offset;
  const { response } = await client.send(endpoint, {
    method: 'GET',
    target: `${repository}/blobs/${descriptor.digest}`,
    headers: start === 0 ? {} : { range: `bytes=${start}-` },
    accept: start === 0 ? [] : [416],
    scopes: [`repository:${repository}:pull`],
    doing,
    what: `${repository}@${descriptor.digest}`,
    signal,
  });
  let sinkFailed = false;
  try {
    let skip = bytesToSkip(response, start);
    if (skip === undefined) {
      // It has another idea of the range, so another blob: begin anew.
      await sink.restart();
      throw new RegistryFailure(doing, `\`${endpoint.host}\` cannot go on at byte ${start}`, { kind: 'cut-off', transient: true });
    }
    for await (const chunk of response as AsyncIterable<Buffer>) {
      const rest = skip === 0 ? chunk : chunk.subarray(skip);
      skip -= chunk.length - rest.length;
      if (sink.offset + rest.length > descriptor.size) {
        await sink.restart();
        throw wrongContent(transfer, { why: `there is more than the ${descriptor.size} bytes of it`, transient: start > 0 });
      }
      if (rest.length === 0) continue;
      try {
        await sink.write(rest);
      } catch (error) {
        sinkFailed = true;
        throw error;
      }
      onProgress?.(sink.offset);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (sinkFailed || error instanceof TsstackError) throw error;
    throw networkFailure(error, doing, { host: endpoint.host, reached: true });
  } finally {
    response.destroy();
  }
  if (sink.offset < descriptor.size) {
    const why = `\`${endpoint.host}\` sent only ${sink.offset} of ${descriptor.size} bytes`;
    throw new RegistryFailure(doing, why, { kind: 'cut-off', transient: true });
  }
}

/** What comes before the byte we want: all we have where the server does no ranges (200). Undefined: the answer is about something else. */
function bytesToSkip({ statusCode, headers }: IncomingMessage, start: number): number | undefined {
  if (statusCode === 416) return undefined;
  if (statusCode !== 206) return start;
  const first = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1];
  return first !== undefined && Number(first) <= start ? start - Number(first) : undefined;
}

function wrongContent(
  { doing, endpoint }: BlobTransfer,
  { why, transient }: { readonly why: string; readonly transient: boolean },
): RegistryFailure {
  const hint = 'the registry, or something between it and us, sends wrong data; nothing of it was kept';
  return new RegistryFailure(doing, `\`${endpoint.host}\` did not send it as it should be: ${why}`, {
    kind: 'wrong-content',
    hint,
    transient,
  });
}

/** Small things: manifests, configs. */
export function memorySink(descriptor: Descriptor): BlobSink & { readonly content: () => Buffer } {
  let chunks: Uint8Array[] = [];
  let offset = 0;
  const content = () => Buffer.concat(chunks);
  return {
    get offset() {
      return offset;
    },
    write(chunk) {
      chunks.push(chunk);
      offset += chunk.length;
    },
    digest: () => digestOf(content(), descriptor.digest),
    restart() {
      chunks = [];
      offset = 0;
    },
    content,
  };
}
