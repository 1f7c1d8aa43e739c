/** Sends blobs and manifests to a registry (distribution-spec, "Push"). */
import { Readable } from 'node:stream';
import { digestOf } from '../../codec/digest.ts';
import type { Descriptor } from '../../codec/image-manifest.ts';
import type { ImageRepository } from '../../codec/image-reference.ts';
import type { Answer, Client } from './client.ts';
import type { Endpoint } from './endpoint.ts';
import { RegistryFailure } from './failures.ts';

export interface BlobSource {
  readonly descriptor: Descriptor;
  /** Its content from the start; called once more for each new attempt. */
  readonly open: () => Readable;
  /** Repository of the same registry that may have it already: nothing is sent then. */
  readonly mountFrom?: string | undefined;
}

export interface Upload {
  readonly client: Client;
  readonly endpoint: Endpoint;
  readonly repository: ImageRepository;
  readonly doing: string;
  readonly signal: AbortSignal;
}

/** How the blob came to be there. */
export type UploadOutcome = 'present' | 'mounted' | 'sent';

/** One attempt. Rejects with a `RegistryFailure`; a transient one may be tried again from the start. */
export async function uploadBlob(upload: Upload, source: BlobSource, onProgress?: (bytes: number) => void): Promise<UploadOutcome> {
  const { client, endpoint, repository, doing, signal } = upload;
  const { descriptor } = source;
  const common = callOf(upload, descriptor.digest);
  const head = await client.send(endpoint, {
    ...common,
    method: 'HEAD',
    target: `${repository.repository}/blobs/${descriptor.digest}`,
    accept: [404],
  });
  head.response.resume();
  if (head.status === 200) return 'present';
  const begun = await begin(upload, source);
  begun.response.resume();
  if (begun.status === 201) return 'mounted';
  const target = locationOf(begun, upload);
  target.searchParams.set('digest', descriptor.digest);
  let opened: Readable | undefined;
  try {
    const done = await client.send(endpoint, {
      ...common,
      method: 'PUT',
      target,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) },
      body: () => {
        opened?.destroy();
        opened = counted(source.open(), { size: descriptor.size, doing, onProgress });
        return opened;
      },
    });
    done.response.resume();
  } finally {
    // Of a registry that did not want to hear it to its end.
    opened?.destroy();
  }
  signal.throwIfAborted();
  return 'sent';
}

/** 201: the registry has taken it from the other repository. Where that is not ours to read, it is sent as if there were none. */
async function begin(upload: Upload, { descriptor, mountFrom }: Omit<BlobSource, 'open'>): Promise<Answer> {
  const { client, endpoint, repository } = upload;
  const common = callOf(upload, descriptor.digest);
  const mount = mountFrom === undefined ? '' : `?mount=${descriptor.digest}&from=${encodeURIComponent(mountFrom)}`;
  try {
    return await client.send(endpoint, {
      ...common,
      scopes: [...common.scopes, ...(mountFrom === undefined ? [] : [`repository:${mountFrom}:pull`])],
      method: 'POST',
      target: `${repository.repository}/blobs/uploads/${mount}`,
      headers: { 'content-length': '0' },
    });
  } catch (error) {
    const refused = error instanceof RegistryFailure && ['unauthorized', 'denied', 'not-found', 'refused'].includes(error.kind);
    if (mountFrom === undefined || !refused) throw error;
    return await begin(upload, { descriptor });
  }
}

/** `name`: a tag, or the digest. */
export async function uploadManifest(
  upload: Upload,
  name: string,
  { mediaType, bytes }: { readonly mediaType: string; readonly bytes: Uint8Array },
): Promise<string> {
  const { client, endpoint, repository, doing } = upload;
  const digest = digestOf(bytes);
  const { response } = await client.send(endpoint, {
    ...callOf(upload, name),
    method: 'PUT',
    target: `${repository.repository}/manifests/${name}`,
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
    body: () => Readable.from([bytes]),
  });
  response.resume();
  const said = response.headers['docker-content-digest'];
  if (typeof said === 'string' && said.startsWith('sha256:') && said !== digest) {
    throw new RegistryFailure(doing, `\`${endpoint.host}\` took the manifest for \`${said}\`, and it is \`${digest}\``, {
      kind: 'wrong-content',
    });
  }
  return digest;
}

function callOf({ repository, doing, signal }: Upload, name: string) {
  return {
    scopes: [`repository:${repository.repository}:pull,push`],
    doing,
    what: `${repository.repository}${name.includes(':') ? '@' : ':'}${name}`,
    signal,
  };
}

/** Where the registry wants the content: relative, or at another host. */
function locationOf({ response, url }: Answer, { endpoint, doing }: Upload): URL {
  const { location } = response.headers;
  if (location !== undefined && URL.canParse(location, url.href)) return new URL(location, url.href);
  throw new RegistryFailure(doing, `\`${endpoint.host}\` does not say where to send it`, { kind: 'protocol' });
}

/** A file that is not as long as it should be would leave the registry waiting. */
function counted(
  content: Readable,
  {
    size,
    doing,
    onProgress,
  }: { readonly size: number; readonly doing: string; readonly onProgress: ((bytes: number) => void) | undefined },
): Readable {
  const changed = () => new RegistryFailure(doing, `its content here is not the ${size} bytes it should be`, { kind: 'wrong-content' });
  const counting = async function* (): AsyncGenerator<Buffer> {
    let sent = 0;
    try {
      for await (const chunk of content as AsyncIterable<Buffer>) {
        sent += chunk.length;
        if (sent > size) throw changed();
        yield chunk;
        onProgress?.(sent);
      }
    } catch (error) {
      if (error instanceof RegistryFailure) throw error;
      const why = `its content here cannot be read: ${(error as Error).message}`;
      throw new RegistryFailure(doing, why, { kind: 'wrong-content', cause: error });
    }
    if (sent < size) throw changed();
  };
  return Readable.from(counting(), { objectMode: false });
}
