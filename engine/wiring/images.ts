/** The images of a stack: made ready for `up`, looked for by `plan`. */
import type { ImageSource, PullPolicy, StackSpec } from '../../dsl/spec.ts';
import { hostPlatform } from '../codec/image-platform.ts';
import { formatReference, parseReference } from '../codec/image-reference.ts';
import type { ImageStore } from '../image/image-store.ts';
import { allOrFirst, pullImages, type WantedImage } from '../image/pull.ts';
import { openRegistry, type Registry } from '../image/registry/open.ts';
import { isDirectorySource, resolveDirectory } from '../image/resolve.ts';
import { resolveStored } from '../image/resolve-stored.ts';
import { TsstackError } from '../model/errors.ts';
import type { OnEvent } from '../model/events.ts';
import type { Images, ResolvedImage } from '../model/facts.ts';
import type { Desired } from '../model/resources.ts';
import { imageKey } from '../plan/image-key.ts';
import { NO_IMAGE } from '../plan/no-image.ts';
import type { ImageRecord } from '../store/image-records.ts';
import { imagesDirectory } from '../store/paths.ts';
import { findMade, makeImage } from './made-images.ts';
import type { MadeSource, MakeImageOptions } from './making-images.ts';
import type { Session } from './session.ts';

/** To be disposed when containers are made of them: until then nobody removes what belongs to them. */
export interface ReadyImages extends Disposable {
  readonly images: Images;
}

export interface GetImagesOptions {
  /** How registries are reached: of whoever asked. */
  readonly environment: RegistryEnvironment;
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  /** Instead of each service's own. */
  readonly policy?: PullPolicy | undefined;
  /** `pull`: ask for what is built on, too. */
  readonly build?: { readonly noCache: boolean; readonly pull: boolean } | undefined;
}

export type RegistryEnvironment = Readonly<Record<string, string>>;

/** Pulls and makes what must be. @throws TsstackError `image`; the signal's reason. */
export async function getImages(session: Session, spec: StackSpec, options: GetImagesOptions): Promise<ReadyImages> {
  const wanted = wantedImages(spec, options.policy);
  const made = madeSources(spec);
  const directories = resolveDirectories(session, spec);
  if (wanted.length + made.length === 0) return { images: directories, [Symbol.dispose]() {} };
  const store = await session.imageStore(options.signal);
  const lease = store.lease([]);
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const end = () => {
    lease[Symbol.dispose]();
    // Containers run by now: before, they would wait for the disk, too.
    store.flushAside();
  };
  try {
    using registry = lazyRegistry(options);
    const pull: Pull = (images) => pullImages(images, { ...options, store, registry: registry.get, platform: PLATFORM, lease, signal });
    const getBase = sourcesOnce(pull, { ...options, session, store, lease, signal });
    const work = [pull(wanted), ...made.map(async (source) => ({ [imageKey(source)]: await getBase(source) }))];
    for (const each of work) each.catch((error: unknown) => failed.abort(error));
    const records: Readonly<Record<string, ImageRecord>> = Object.assign({}, ...(await allOrFirst(work, failed.signal)));
    const resolved = Object.entries(records).map(([key, record]) => {
      const image = resolveStored(store, record);
      if (image === undefined) throw new TsstackError(`cannot use image \`${key}\`: a layer of it is gone again`, { code: 'image' });
      return [key, image] as const;
    });
    return { images: { ...directories, ...Object.fromEntries(resolved) }, [Symbol.dispose]: end };
  } catch (error) {
    lease[Symbol.dispose]();
    throw error;
  }
}

const PLATFORM = hostPlatform(process.arch);

type Pull = (images: readonly WantedImage[]) => Promise<Readonly<Record<string, ImageRecord>>>;

type SourcesOptions = Omit<MakeImageOptions, 'platform' | 'getBase' | 'noCache'> & Pick<GetImagesOptions, 'build'>;

/** Any image, pulled or made. Each once, though several services and stages may be built on it. */
function sourcesOnce(pull: Pull, { build, ...options }: SourcesOptions): MakeImageOptions['getBase'] {
  const { noCache, pull: pullBases } = build ?? { noCache: false, pull: false };
  const records = new Map<string, Promise<ImageRecord>>();
  const make = async (source: ImageSource): Promise<ImageRecord> => {
    if (isDirectorySource(source)) throw new TsstackError(`cannot build on \`${imageKey(source)}\`: it is a directory`, { code: 'image' });
    if (source.kind !== 'reference') return await makeImage(source, { ...options, platform: PLATFORM, noCache, getBase });
    const { reference } = source;
    const { [reference]: record } = await pull([{ reference, policy: pullBases ? 'always' : 'missing' }]);
    if (record === undefined) throw new TsstackError(`cannot use image \`${reference}\`: it is gone again`, { code: 'image' });
    return record;
  };
  const getBase = (source: ImageSource): Promise<ImageRecord> => {
    const record = records.get(imageKey(source)) ?? make(source);
    records.set(imageKey(source), record);
    return record;
  };
  return getBase;
}

/** What is here. Asks no registry, makes and extracts nothing; of what isn't here, only the name is known. */
export async function findImages(session: Session, spec: StackSpec, signal: AbortSignal): Promise<Images> {
  const wanted = wantedImages(spec);
  const made = madeSources(spec);
  const directories = resolveDirectories(session, spec);
  if (wanted.length + made.length === 0) return directories;
  const store = await session.imageStore(signal);
  const found = made.map(async (source): Promise<[string, ResolvedImage]> => {
    const record = await findMade(source, { session, store, signal });
    const key = imageKey(source);
    return [key, (record && resolveStored(store, record)) ?? notHere(key)];
  });
  const pulled = wanted.map((image): [string, ResolvedImage] => [image.reference, findImage(store, image)]);
  return { ...directories, ...Object.fromEntries([...pulled, ...(await Promise.all(found))]) };
}

function findImage(store: ImageStore, { reference, policy }: WantedImage): ResolvedImage {
  const record = store.findImage(formatReference(parseReference(reference)));
  const image = record && resolveStored(store, record);
  if (image !== undefined) return image;
  if (policy !== 'never') return notHere(reference);
  throw new TsstackError(`cannot use image \`${reference}\`: it is not here, and \`pullPolicy: 'never'\` forbids to pull it`, {
    code: 'image',
    hint: '`tsstack pull` fetches it',
  });
}

/** All but its name is yet to be found out. */
function notHere(name: string): ResolvedImage {
  return { ...NO_IMAGE, name, missing: true };
}

function resolveDirectories(session: Session, spec: StackSpec): Images {
  const directory = imagesDirectory(session.host);
  const images: Record<string, ResolvedImage> = {};
  for (const image of imagesOf(spec)) if (isDirectorySource(image)) images[imageKey(image)] ??= resolveDirectory(image, directory);
  return images;
}

/** Each once. */
function madeSources(spec: StackSpec): readonly MadeSource[] {
  const made = imagesOf(spec).filter((image): image is MadeSource => image.kind !== 'reference' && !isDirectorySource(image));
  return [...new Map(made.map((image) => [imageKey(image), image])).values()];
}

/** Each once. Of two services that want it differently, the one that asks the registry more often counts. */
function wantedImages(spec: StackSpec, policy?: PullPolicy): readonly WantedImage[] {
  const wanted = new Map<string, PullPolicy>();
  for (const { image, pullPolicy, replicas } of Object.values(spec.services)) {
    if (image.kind !== 'reference' || replicas === 0) continue;
    const before = wanted.get(image.reference);
    const now = policy ?? pullPolicy;
    wanted.set(image.reference, before !== undefined && EAGERNESS.indexOf(before) > EAGERNESS.indexOf(now) ? before : now);
  }
  return [...wanted].map(([reference, policy]) => ({ reference, policy }));
}

const EAGERNESS: readonly PullPolicy[] = ['never', 'missing', 'always'];

function imagesOf({ services }: StackSpec): readonly ImageSource[] {
  return Object.values(services).flatMap(({ image, replicas }) => (replicas > 0 ? [image] : []));
}

/** Whether the containers that are in both are made of the same. */
export function haveSameImages(before: Desired, after: Desired): boolean {
  const digests = digestsOf(before);
  return [...digestsOf(after)].every(([id, digest]) => digests.get(id) === undefined || digests.get(id) === digest);
}

function digestsOf({ resources }: Desired): ReadonlyMap<string, string> {
  return new Map(resources.flatMap(({ kind, id, spec }) => (kind === 'container' ? [[id, spec.record.imageDigest] as const] : [])));
}

/** Opened when it is needed: what is here is used with no configuration of registries at all, even a broken one. */
function lazyRegistry({ environment, onEvent }: GetImagesOptions): { readonly get: () => Registry } & Disposable {
  let registry: Registry | undefined;
  const onNotice = (message: string) => onEvent({ type: 'notice', at: Date.now(), message });
  return {
    get: () => (registry ??= openRegistry({ environment, onNotice })),
    [Symbol.dispose]: () => registry?.[Symbol.dispose](),
  };
}

/** What of an environment the images of a stack need: how registries are reached, and secrets of builds. */
export function imageEnvironment({ services }: StackSpec, env: NodeJS.ProcessEnv): RegistryEnvironment {
  const secrets = Object.values(services).flatMap(({ image }) =>
    image.kind === 'build' && image.recipe.type === 'dockerfile' ? Object.values(image.recipe.secrets) : [],
  );
  const names = secrets.flatMap((secret) => ('environment' in secret ? [secret.environment] : []));
  const values = names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return { ...Object.fromEntries(values), ...registryEnvironment(env) };
}

/** What of an environment says how registries are reached. */
export function registryEnvironment(env: NodeJS.ProcessEnv): RegistryEnvironment {
  return Object.fromEntries(REGISTRY_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
const REGISTRY_VARIABLES = [
  ...['HOME', 'PATH', 'DOCKER_CONFIG', 'SSL_CERT_FILE', 'TSSTACK_REGISTRIES'],
  ...PROXIES,
  ...PROXIES.map((name) => name.toLowerCase()),
];
