import { describe, expect, test } from 'vitest';
import type { CommandContext, LoadedStack } from '../../../../cli/context.ts';
import { listenForInterrupts } from '../../../../cli/interrupts.ts';
import type { Followed } from '../../../../cli/watch/followed.ts';
import { runWatch } from '../../../../cli/watch/run-watch.ts';
import type { Checked } from '../../../../cli/watch/type-checker.ts';
import type { WatchDoors } from '../../../../cli/watch/watch-session.ts';
import type { ServiceSpec, WatchRuleSpec } from '../../../../dsl/spec.ts';
import type { Engine, ExecOptions, UpResult } from '../../../../engine/model/engine.ts';
import { TsstackError } from '../../../../engine/model/errors.ts';
import type { SyncOptions } from '../../../../engine/model/sync.ts';
import { listing, planOf, stackSpec, step } from '../support/session.ts';
import { manualTimers } from './manual-timers.ts';

const FILE = '/d/stack.config.ts';

interface Scene {
  readonly said: () => string;
  /** What was asked of the engine, in order. */
  readonly asked: readonly string[];
  /** As if these files had changed; lets what follows from it happen. */
  change(...paths: string[]): Promise<void>;
  /** Of the watcher that is open. */
  fail(error: unknown): void;
  readonly watchers: readonly { readonly followed: Followed; closed: boolean }[];
  end(): Promise<void>;
}

interface Script {
  /** Each load in turn; the last goes on. */
  readonly loads?: readonly (Partial<LoadedStack> | Error)[];
  readonly checks?: readonly Checked[];
  readonly up?: () => Promise<UpResult>;
  readonly services?: Readonly<Record<string, Partial<ServiceSpec>>>;
  readonly changedAt?: (path: string) => number | undefined;
  readonly versionOf?: (path: string) => string;
  readonly exec?: (options: ExecOptions) => Promise<number>;
  readonly sync?: (options: SyncOptions) => Promise<readonly string[]>;
}

async function begin(script: Script = {}): Promise<Scene> {
  let text = '';
  let versions = 0;
  const asked: string[] = [];
  const watchers: { followed: Followed; onChange: (path: string) => void; onError: (error: unknown) => void; closed: boolean }[] = [];
  const stream = { write: (more: string) => (text += more), isTTY: false, color: false, closed: new AbortController().signal };
  const timers = manualTimers();
  const loaded: LoadedStack = {
    file: FILE,
    directory: '/d',
    spec: stackSpec(script.services ?? { web: {} }),
    dependencies: [FILE, '/d/limits.ts'],
    notices: [],
  };
  const next = sequence<Partial<LoadedStack> | Error>(script.loads ?? [{}]);
  const nextCheck = sequence<Checked>(script.checks ?? [{ errors: [], files: [FILE, '/d/types.ts'] }]);
  const engine: Partial<Engine> = {
    async up() {
      asked.push('up');
      return script.up?.() ?? { plan: planOf(), durationMs: 1 };
    },
    async sync(options) {
      asked.push(`sync ${options.service} ${options.changes.map(({ kind, target }) => `${kind} ${target}`).join(', ')}`);
      return script.sync?.(options) ?? [`${options.service}-1`];
    },
    async restart({ targets }) {
      asked.push(`restart ${targets?.join(' ')}`);
    },
    async exec(options) {
      asked.push(`exec ${options.target} ${options.argv.join(' ')}`);
      return script.exec?.(options) ?? 0;
    },
    ps: async () => [listing('web-1'), listing('web-2', { state: 'stopped' }), listing('api-1')],
  };
  const ending = new AbortController();
  const context = {
    commandName: 'watch',
    global: { json: false, debug: false, mode: undefined, profile: undefined },
    terminal: { out: stream, err: stream, stdinIsTTY: false },
    interrupts: listenForInterrupts({ on() {}, off() {}, exit() {} }),
    env: {},
    paths: { packageRoot: '/p' },
    now: () => 1000,
    loadStack: async () => {
      const one = next();
      if (one instanceof Error) throw one;
      return { ...loaded, ...one };
    },
  } as unknown as CommandContext;
  const doors: WatchDoors = {
    async openWatcher(followed, told) {
      watchers.push({ followed, ...told, closed: false });
      const own = watchers.at(-1);
      return {
        async [Symbol.asyncDispose]() {
          if (own) own.closed = true;
        },
      };
    },
    openTypeChecker: async () => ({ check: nextCheck }),
    timers,
    host: { kindOf: (path) => (path.endsWith('/src') || path === '/d' ? 'directory' : 'file'), realPath: (path) => path },
    changedAt: script.changedAt ?? (() => 0),
    versionOf: script.versionOf ?? (() => `${versions++}`),
  };
  const watching = runWatch(
    { context, engine: engine as Engine, stack: loaded, loadedAt: 1000, services: undefined, signal: ending.signal },
    doors,
  );
  const settle = async () => {
    for (let i = 0; i < 5; i++) await timers.advance(20);
  };
  await settle();
  return {
    said: () => text,
    asked,
    watchers,
    async change(...paths) {
      for (const path of paths) watchers.at(-1)?.onChange(path);
      await settle();
    },
    fail: (error) => watchers.at(-1)?.onError(error),
    async end() {
      ending.abort();
      await watching;
    },
  };
}

function sequence<T>(items: readonly T[]): () => T {
  let at = 0;
  return () => items[Math.min(at++, items.length - 1)] as T;
}

const rule = (more: Partial<WatchRuleSpec>): WatchRuleSpec => ({
  path: '/d/src',
  action: 'sync',
  target: '/app',
  ignore: [],
  exec: undefined,
  ...more,
});
const invalid = new TsstackError('cannot read `/d/limits.ts`: it is no good', { code: 'invalid-stack-file' });

describe('a change of the stack', () => {
  test('is applied, and told with its cause', async () => {
    const plan = planOf({ ...step(1, 'cgroup:shop/web-1', 'cgroup.update'), cause: 'memory limit 1MiB → 2MiB' });
    const scene = await begin({ up: async () => ({ plan, durationMs: 1 }) });
    await scene.change('/d/limits.ts');
    expect(scene.asked).toEqual(['up']);
    expect(scene.said()).toContain('shop-web-1 updated (memory limit 1MiB → 2MiB) in ');
    await scene.end();
  });

  test('while another is being applied is applied after it, once', async () => {
    let finish: () => void = () => undefined;
    const up = () => new Promise<UpResult>((resolve) => (finish = () => resolve({ plan: planOf(), durationMs: 1 })));
    const scene = await begin({ up });
    await scene.change(FILE);
    await scene.change(FILE);
    await scene.change('/d/limits.ts');
    expect(scene.asked).toEqual(['up']);
    finish();
    await scene.change();
    expect(scene.asked).toEqual(['up', 'up']);
    finish();
    await scene.change();
    expect(scene.asked).toEqual(['up', 'up']);
    await scene.end();
  });

  test('that makes it invalid is told and changes nothing; mended, it is applied', async () => {
    const scene = await begin({ loads: [invalid, {}] });
    await scene.change(FILE);
    expect(scene.asked).toEqual([]);
    expect(scene.said()).toContain('error: cannot read `/d/limits.ts`: it is no good\nthe stack is left as it is');
    await scene.change(FILE);
    expect(scene.asked).toEqual(['up']);
    await scene.end();
  });

  test('whose types are wrong is told and changes nothing, though it could be evaluated', async () => {
    const fine = { errors: [], files: [FILE] };
    const scene = await begin({ checks: [fine, { errors: ['stack.config.ts:1:1: error TS2322: no'], files: [FILE] }, fine] });
    await scene.change(FILE);
    expect(scene.asked).toEqual([]);
    expect(scene.said()).toContain('error: stack.config.ts:1:1: error TS2322: no\n');
    await scene.change(FILE);
    expect(scene.asked).toEqual(['up']);
    await scene.end();
  });

  test('that cannot be applied is told, and watching goes on', async () => {
    const results = sequence<() => Promise<UpResult>>([
      () => Promise.reject(new TsstackError('cannot publish port 80', { code: 'obstacle' })),
      async () => ({ plan: planOf(), durationMs: 1 }),
    ]);
    const scene = await begin({ up: () => results()() });
    await scene.change(FILE);
    expect(scene.said()).toContain('error: cannot publish port 80\n');
    await scene.change(FILE);
    expect(scene.said()).toContain('up to date: nothing to change');
    await scene.end();
  });

  test('of its name is refused: that is another stack', async () => {
    const scene = await begin({ loads: [{ spec: { ...stackSpec({ web: {} }), name: 'other' } }] });
    await scene.change(FILE);
    expect(scene.asked).toEqual([]);
    expect(scene.said()).toContain('it names the stack `other` now, and `shop` is what is watched');
    await scene.end();
  });

  test('between its loading and its being watched is not missed', async () => {
    const late = await begin({ changedAt: (path) => (path === '/d/limits.ts' ? 1001 : 0) });
    expect(late.asked).toEqual(['up']);
    await late.end();
    const before = await begin({ changedAt: () => 900 });
    expect(before.asked).toEqual([]);
    await before.end();
  });
});

describe('what is followed', () => {
  test('is what was loaded, and what is imported for its types alone', async () => {
    const scene = await begin();
    expect(scene.watchers.at(-1)?.followed.files.toSorted()).toEqual(['/d/limits.ts', FILE, '/d/types.ts'].toSorted());
    await scene.end();
    expect(scene.watchers.map(({ closed }) => closed)).not.toContain(false);
  });

  test('follows what the stack imports after a change', async () => {
    const scene = await begin({ loads: [{ dependencies: [FILE, '/d/new.ts'] }] });
    await scene.change(FILE);
    await scene.change('/d/new.ts');
    expect(scene.asked).toEqual(['up', 'up']);
    await scene.change('/d/limits.ts');
    expect(scene.asked).toEqual(['up', 'up']);
    await scene.end();
  });

  test('is told when some of it cannot be watched, once', async () => {
    const scene = await begin();
    const error = Object.assign(new Error('no'), { code: 'ENOSPC', path: '/d/src' });
    scene.fail(error);
    scene.fail(error);
    expect(scene.said().match(/fs\.inotify\.max_user_watches` is/g)).toHaveLength(1);
    await scene.change(FILE);
    expect(scene.asked).toEqual(['up']);
    await scene.end();
  });
});

describe('a watch rule', () => {
  test('removes from the container what is gone from the host, and leaves alone what is ignored', async () => {
    const scene = await begin({ services: { web: { watch: [rule({ ignore: ['*.log'] })] } } });
    await scene.change('/d/src/gone.js', '/d/src/a.log');
    expect(scene.asked).toEqual(['sync web remove /app/gone.js']);
    expect(scene.said()).toContain('web: `/app/gone.js` synced into web-1 in ');
    await scene.end();
  });

  test('that restarts does so once for several, after the syncs', async () => {
    const watch = [rule({ action: 'sync+restart' }), rule({ path: '/d/conf', action: 'restart', target: undefined })];
    const scene = await begin({ services: { web: { watch } } });
    await scene.change('/d/src/a', '/d/conf');
    expect(scene.asked).toEqual(['sync web remove /app/a', 'restart web']);
    await scene.end();
  });

  test('that executes does so in each running container, and tells how it ended', async () => {
    const exec = { argv: ['make', 'x'], user: undefined, workingDir: undefined, environment: {}, timeoutMs: 1000 };
    const scene = await begin({ services: { web: { watch: [rule({ action: 'sync+exec', exec })] } }, exec: async () => 2 });
    await scene.change('/d/src/a');
    expect(scene.asked).toEqual(['sync web remove /app/a', 'exec web-1 make x']);
    expect(scene.said()).toContain('web-1: `make x` ended with code 2');
    await scene.end();
  });

  test('is followed once for a change that is told twice, and again for the next one', async () => {
    let version = 'one';
    const scene = await begin({ services: { web: { watch: [rule({ action: 'restart' })] } }, versionOf: () => version });
    await scene.change('/d/src/a');
    await scene.change('/d/src/a');
    expect(scene.asked).toEqual(['restart web']);
    version = 'two';
    await scene.change('/d/src/a');
    expect(scene.asked).toEqual(['restart web', 'restart web']);
    await scene.end();
  });

  test('is followed again for what had changed too lately to tell the next change from that', async () => {
    const scene = await begin({
      services: { web: { watch: [rule({ action: 'restart' })] } },
      versionOf: () => 'one',
      changedAt: (path) => (path === '/d/src/a' ? 995 : 0),
    });
    await scene.change('/d/src/a');
    await scene.change('/d/src/a');
    expect(scene.asked).toEqual(['restart web', 'restart web']);
    await scene.end();
  });

  test('that fails is told and keeps no other from being followed', async () => {
    const scene = await begin({
      services: { web: { watch: [rule({})] }, api: { watch: [rule({})] } },
      sync: async ({ service }) => {
        if (service === 'web') throw new TsstackError('cannot write `/app/a`', { code: 'kernel' });
        return ['api-1'];
      },
    });
    await scene.change('/d/src/a');
    expect(scene.said()).toContain('error: cannot write `/app/a`');
    expect(scene.said()).toContain('synced into api-1');
    await scene.end();
  });

  test('gives a container that is made anew what was synced into the one before, and does no more', async () => {
    const results = sequence([planOf(), planOf(step(1, 'container:shop/web-1', 'container.create'))]);
    const services = { web: { watch: [rule({ action: 'sync+restart' })] } };
    const scene = await begin({ services, up: async () => ({ plan: results(), durationMs: 1 }) });
    await scene.change('/d/src/a');
    await scene.change(FILE);
    expect(scene.asked).toEqual(['sync web remove /app/a', 'restart web', 'up']);
    await scene.change(FILE);
    expect(scene.asked.slice(3)).toEqual(['up', 'sync web remove /app/a']);
    await scene.end();
  });
});
