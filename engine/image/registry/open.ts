/** Registries as the rest of us see them: images are looked up, blobs fetched and sent, whatever it takes. */
import type { Descriptor } from '../../codec/image-manifest.ts';
import type { Platform } from '../../codec/image-platform.ts';
import { formatReference, type ImageReference, type ImageRepository } from '../../codec/image-reference.ts';
import type { Environment } from '../../codec/proxy-environment.ts';
import { TsstackError } from '../../model/errors.ts';
import { type BlobSink, transferBlob } from './blobs.ts';
import { openClient } from './client.ts';
import { credentialStore } from './credentials.ts';
import { type Endpoint, mirrorEndpoint, registryEndpoint } from './endpoint.ts';
import { RegistryFailure } from './failures.ts';
import { lookUpImage, type RemoteImage } from './manifests.ts';
import { type Retrying, retrying, type Sleep, sleepFor } from './retry.ts';
import { Routes } from './routes.ts';
import { readSettings } from './settings.ts';
import { turnstile } from './turnstile.ts';
import { type BlobSource, type UploadOutcome, uploadBlob, uploadManifest } from './uploads.ts';

export interface RegistryOptions {
  /** DOCKER_CONFIG, HOME, PATH, HTTP_PROXY, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, TSSTACK_REGISTRIES. */
  readonly environment: Environment;
  /** Blobs at a time, in both directions; default 4. */
  readonly parallel?: number;
  /** What is tried again and why, which mirror is left out: a sentence for the user. */
  readonly onNotice?: (text: string) => void;
  /** For tests. */
  readonly sleep?: Sleep;
  /** Wall clock, ms. */
  readonly now?: () => number;
}

export interface ResolveOptions {
  readonly signal: AbortSignal;
  /** Content that is here already, by digest. Makes the look-up of a tag that has not moved one HEAD request. */
  readonly readLocal?: (digest: string) => Promise<Uint8Array | undefined>;
}

export interface FetchOptions {
  readonly sink: BlobSink;
  readonly signal: AbortSignal;
  /** Bytes the sink holds, of `descriptor.size`. Falls where the transfer has to begin anew. */
  readonly onProgress?: (bytes: number) => void;
}

export interface PutOptions {
  readonly signal: AbortSignal;
  /** Bytes sent, of `descriptor.size`. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * All reject with a `TsstackError` of code `image` (a `RegistryFailure` but for wrong configuration), with what the sink
 * rejects with, or with the signal's reason.
 */
export interface Registry extends Disposable {
  resolve(reference: ImageReference, platform: Platform, options: ResolveOptions): Promise<RemoteImage>;
  /** When it is fulfilled, the sink holds the whole blob, and it is what its digest says. */
  fetchBlob(repository: ImageRepository, descriptor: Descriptor, options: FetchOptions): Promise<void>;
  putBlob(repository: ImageRepository, source: BlobSource, options: PutOptions): Promise<UploadOutcome>;
  /** Under a tag or its digest; answers its digest. */
  putManifest(
    repository: ImageRepository,
    name: string,
    manifest: { readonly mediaType: string; readonly bytes: Uint8Array; readonly signal: AbortSignal },
  ): Promise<string>;
}

const DEFAULT_SETTINGS = '/etc/tsstack/registries.json';
const PARALLEL_BLOBS = 4;

/** Throws `image` if the settings file is wrong. Disposing ends what is under way and closes the kept connections. */
export function openRegistry({
  environment,
  parallel = PARALLEL_BLOBS,
  onNotice,
  sleep = sleepFor,
  now = Date.now,
}: RegistryOptions): Registry {
  const named = environment['TSSTACK_REGISTRIES'] || undefined;
  const settingsOf = readSettings(named ?? DEFAULT_SETTINGS, { required: named !== undefined });
  const routes = new Routes(environment);
  const lifetime = new AbortController();
  const client = openClient({ routes, credentials: credentialStore(environment), settingsOf, lifetime: lifetime.signal, now });
  const blobs = turnstile(parallel);
  const leftOut = new Set<string>();
  const retry = (signal: AbortSignal, progress?: () => number): Retrying => ({
    sleep,
    signal,
    onNotice,
    ...(progress ? { progress } : {}),
  });

  // Also: twenty blobs under one signal would be twenty listeners of it, which Node warns of.
  const within = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, lifetime.signal]);

  const sourceOf = (registry: string): Endpoint => registryEndpoint(registry, settingsOf(registry));

  /** From each mirror in turn, then from the registry itself, whose failure is the one told. */
  const fromAny = async <T>(registry: string, attempt: (endpoint: Endpoint) => Promise<T>, signal: AbortSignal): Promise<T> => {
    const mirrors = settingsOf(registry).mirrors.filter((mirror) => !leftOut.has(mirror));
    for (const mirror of mirrors) {
      try {
        return await attempt(mirrorEndpoint(mirror, settingsOf));
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RegistryFailure) || error.kind === 'no-platform') throw error;
        // What it lacks it lacks of this image; what is wrong with itself stays wrong for the others.
        if (error.kind === 'not-found') continue;
        if (error.kind !== 'wrong-content') leftOut.add(mirror);
        onNotice?.(`${error.message}; going on without the mirror \`${mirror}\``);
      }
    }
    return await attempt(sourceOf(registry));
  };

  return {
    resolve(reference, platform, { readLocal, ...options }) {
      const signal = within(options.signal);
      const doing = `cannot pull \`${formatReference(reference)}\``;
      const attempt = (endpoint: Endpoint) =>
        retrying(() => lookUpImage({ client, endpoint, reference, platform, readLocal, doing, signal }), retry(signal));
      return fromAny(reference.registry, attempt, signal);
    },
    fetchBlob(repository, descriptor, { sink, onProgress, ...options }) {
      const signal = within(options.signal);
      const doing = `cannot fetch \`${descriptor.digest}\` of \`${repository.registry}/${repository.repository}\``;
      const attempt = (endpoint: Endpoint) => {
        const transfer = {
          client,
          endpoint,
          repository: `${endpoint.prefix}${repository.repository}`,
          descriptor,
          sink,
          doing,
          signal,
          onProgress,
        };
        return retrying(
          () => transferBlob(transfer),
          retry(signal, () => sink.offset),
        );
      };
      return blobs.pass(() => fromAny(repository.registry, attempt, signal), signal);
    },
    putBlob(repository, source, { onProgress, ...options }) {
      const signal = within(options.signal);
      const doing = `cannot push \`${source.descriptor.digest}\` to \`${repository.registry}/${repository.repository}\``;
      const upload = { client, endpoint: sourceOf(repository.registry), repository, doing, signal };
      return blobs.pass(() => retrying(() => uploadBlob(upload, source, onProgress), retry(signal)), signal);
    },
    putManifest(repository, name, { mediaType, bytes, ...options }) {
      const signal = within(options.signal);
      const doing = `cannot push \`${repository.registry}/${repository.repository}${name.includes(':') ? '@' : ':'}${name}\``;
      const upload = { client, endpoint: sourceOf(repository.registry), repository, doing, signal };
      return retrying(() => uploadManifest(upload, name, { mediaType, bytes }), retry(signal));
    },
    [Symbol.dispose]() {
      lifetime.abort(new TsstackError('cancelled: nobody waits for the registry any more', { code: 'cancelled' }));
      routes[Symbol.dispose]();
    },
  };
}
