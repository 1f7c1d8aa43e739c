/** `RUN`: what the container of a step is given, and what of that its result depends on. */
import { chmod, lchown, writeFile } from 'node:fs/promises';
import { DEFAULT_PATH } from '../image/layer.ts';
import { readImageUsers } from '../image/users.ts';
import type { CopyOrigin, ParentConfig, RunMount, RunStep } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import type { BuildScratch } from './build-scratch.ts';
import type { SourceFiles } from './copy-step-sources.ts';
import { copySelection, layerOn, setTimes } from './copy-step-write.ts';
import { mountPointsFor } from './run-step-mount-points.ts';
import type { RunnerMount, RunRequest } from './runner.ts';

export interface RunContext {
  readonly scratch: BuildScratch;
  readonly open: (origin: CopyOrigin) => Promise<SourceFiles>;
  /** Undefined: there is no such secret. */
  readonly secret: (id: string) => Promise<Buffer | undefined>;
  /** Waits for it where `sharing` says so. Its directory is made with these attributes. */
  readonly cache: (mount: Extract<RunMount, { readonly type: 'cache' }>) => Promise<CacheDirectory>;
}

export interface CacheDirectory extends Disposable {
  readonly directory: string;
}

/** For the step's key. Neither what secrets are nor what is in caches is in it. @throws TsstackError `image` if a source isn't there. */
export async function runContent(step: RunStep, config: ParentConfig, context: Pick<RunContext, 'open'>): Promise<readonly unknown[]> {
  const mounts = await Promise.all(
    step.mounts.map(async (mount) =>
      mount.type === 'bind' ? { ...mount, from: null, content: await bindContent(mount, context) } : mount,
    ),
  );
  const environment = Object.entries(environmentOf(step, config)).sort(([a], [b]) => (a < b ? -1 : 1));
  return [step.argv, environment, config.workingDir, config.user ?? null, step.network, mounts];
}

type BindMount = Extract<RunMount, { readonly type: 'bind' }>;

async function bindContent(mount: BindMount, { open }: Pick<RunContext, 'open'>): Promise<string> {
  const files = await open(mount.from);
  return await files.hash(await files.selectPath(mount.source));
}

export interface PreparedRun extends Disposable {
  readonly request: Omit<RunRequest, 'signal' | 'onLine' | 'keep'>;
}

/** To be disposed when the step has ended. @throws TsstackError `image`: a secret is missing, a source isn't there. */
export async function prepareRun(
  step: RunStep,
  { config, lowerdirs }: { readonly config: ParentConfig; readonly lowerdirs: readonly string[] },
  context: RunContext,
): Promise<PreparedRun> {
  const variables: Record<string, string> = {};
  const mounts: RunnerMount[] = [];
  for (const mount of step.mounts) {
    if (mount.type === 'tmpfs') mounts.push({ type: 'tmpfs', target: mount.target, sizeBytes: mount.sizeBytes });
    else if (mount.type === 'bind') mounts.push(await bindMount(mount, context));
    else if (mount.type === 'secret') mounts.push(...(await secretMount(mount, context, variables)));
  }
  const caches = await takeCaches(step, context);
  mounts.push(...caches.mounts);
  const tree = lowerdirs.length === 0 ? undefined : { directories: lowerdirs };
  const users = readImageUsers(lowerdirs);
  const home = { HOME: homeOf(config.user, users.passwd) };
  const points = await mountPointsFor(tree, mounts, () => context.scratch.directory());
  return {
    request: {
      argv: step.argv,
      environment: { ...home, ...step.proxies, ...environmentOf(step, config), ...variables },
      workingDir: config.workingDir,
      user: config.user,
      ...users,
      lowerdirs: points === undefined ? lowerdirs : [points, ...lowerdirs],
      mounts,
      network: step.network,
    },
    [Symbol.dispose]: () => caches[Symbol.dispose](),
  };
}

/** Last, since others may wait for them; in one order, so that two steps never wait for each other. */
async function takeCaches(step: RunStep, context: RunContext): Promise<{ readonly mounts: readonly RunnerMount[] } & Disposable> {
  const wanted = step.mounts.filter((mount) => mount.type === 'cache').toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const taken: CacheDirectory[] = [];
  const release = () => {
    for (const cache of taken) cache[Symbol.dispose]();
  };
  const mounts: RunnerMount[] = [];
  try {
    for (const mount of wanted) {
      const cache = await context.cache(mount);
      taken.push(cache);
      mounts.push({ type: 'bind', source: cache.directory, target: mount.target, readOnly: mount.readOnly });
    }
  } catch (error) {
    release();
    throw error;
  }
  return { mounts, [Symbol.dispose]: release };
}

/** As login(1) has it: programs keep their caches and settings there. */
function homeOf(user: string | undefined, passwd: string): string {
  const [name = '0'] = (user ?? '0').split(':');
  const entry = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first, , uid]) => first === name || uid === name);
  return entry?.[5] || '/';
}

function environmentOf(step: RunStep, config: ParentConfig): Readonly<Record<string, string>> {
  return { PATH: DEFAULT_PATH, ...config.environment, ...step.environment };
}

/** A copy: what is written into it is thrown away, and the container sees none of what is left out. */
async function bindMount(mount: BindMount, { open, scratch }: RunContext): Promise<RunnerMount> {
  const files = await open(mount.from);
  const selection = await files.selectPath(mount.source);
  const directory = scratch.directory();
  const layering = layerOn(directory, []);
  const path = selection.isDirectory ? '/' : '/file';
  const owner = files.isImage ? undefined : { uid: 0, gid: 0 };
  await copySelection(layering, selection, path, { owner, mode: undefined, attributes: files.isImage });
  await setTimes(layering);
  return { type: 'bind', source: path === '/' ? directory : `${directory}${path}`, target: mount.target, readOnly: !mount.writable };
}

async function secretMount(
  mount: Extract<RunMount, { readonly type: 'secret' }>,
  { secret, scratch }: RunContext,
  variables: Record<string, string>,
): Promise<readonly RunnerMount[]> {
  const content = await secret(mount.id);
  if (content === undefined) {
    if (!mount.required) return [];
    throw new TsstackError(`there is no secret \`${mount.id}\``, { code: 'image', hint: 'declare it in `build.secrets`' });
  }
  if (mount.variable !== undefined) variables[mount.variable] = content.toString('utf8');
  if (mount.target === undefined) return [];
  const file = scratch.volatileFile();
  await writeFile(file, content, { mode: 0o600 });
  await lchown(file, mount.uid, mount.gid);
  await chmod(file, mount.mode);
  return [{ type: 'bind', source: file, target: mount.target, readOnly: true }];
}
