/** A container of a stack that nobody but the test knows, where the engine would look for it: folder, record and cgroups. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cgroupDirectories } from '../../engine/codec/cgroup-layout.ts';
import { cgroupWrites } from '../../engine/codec/cgroup-writes.ts';
import { cgroupExecutors, observeCgroups, removeEmptyParents } from '../../engine/kernel/cgroups.ts';
import { thaw } from '../../engine/kernel/freezer.ts';
import type { CgroupLayout, CgroupLimits } from '../../engine/model/cgroup.ts';
import type { ProcessIdentity } from '../../engine/model/container.ts';
import { cgroupPath, stackIdentity } from '../../engine/plan/names.ts';
import { Session } from '../../engine/wiring/session.ts';
import { BINARY, type Fixture, openFixture, until } from './launcher-fixture.ts';

export interface TestStack extends AsyncDisposable {
  readonly fixture: Fixture;
  readonly session: Session;
  /** Runs `sh -c script` as container `NAME` and waits until it has printed `ready`. */
  run(name: string, script: string, limits?: CgroupLimits): Promise<RunningContainer>;
}

export interface RunningContainer {
  readonly name: string;
  /** `tsstack/shop-3f9a1c2e/web-1` */
  readonly path: string;
  readonly init: ProcessIdentity;
  /** What it has printed. */
  output(): string;
  kill(): Promise<void>;
}

export function openTestStack(layout: CgroupLayout): TestStack {
  const fixture = openFixture();
  const stack = stackIdentity('shop', fixture.directory, `usage-${process.pid}`);
  const host = { stateDirectory: `${fixture.directory}/state`, runDirectory: `${fixture.directory}/run` };
  const session = new Session({ stack, host, launcher: BINARY });
  const cgroups = cgroupExecutors(layout);
  const signal = new AbortController().signal;
  const running = new Map<string, RunningContainer>();
  return {
    fixture,
    session,
    async run(name, script, limits = {}) {
      const path = cgroupPath(stack, name);
      const writes = cgroupWrites(limits, layout);
      await cgroups['cgroup.create']({ kind: 'cgroup.create', cgroup: { path, limits, writes } }, signal);
      const { unified, legacy } = cgroupDirectories(path, limits, layout);
      const directory = `${session.paths.containers}/${name}`;
      mkdirSync(directory, { recursive: true });
      const launch = fixture.spec(name, script, { directory, cgroupUnified: unified, cgroupLegacy: legacy });
      writeFileSync(`${directory}/record.json`, JSON.stringify({ version: 1, name, service: name.replace(/-\d+$/, ''), launch }));
      const { init, monitor } = await fixture.launcher.create(name, launch);
      const container: RunningContainer = {
        name,
        path,
        init,
        output: () => fixture.output(name),
        async kill() {
          running.delete(name);
          await thaw(layout, path);
          await fixture.launcher.signal(init, 9);
          await fixture.launcher.waitExit(monitor, AbortSignal.timeout(20_000));
        },
      };
      running.set(name, container);
      await fixture.launcher.start(name);
      await until(
        () => container.output().includes('ready'),
        () => `${name} is not ready: ${container.output()} ${fixture.output(name, 'stderr')}`,
      );
      return container;
    },
    async [Symbol.asyncDispose]() {
      for (const container of running.values()) await container.kill();
      for (const { path } of observeCgroups(`tsstack/${stack.id}`, layout)) {
        await cgroups['cgroup.delete']({ kind: 'cgroup.delete', path }, signal);
      }
      removeEmptyParents(`tsstack/${stack.id}`, layout);
      await session[Symbol.asyncDispose]();
      await fixture.close();
    },
  };
}

/** A host with v1 can stand for one that has nothing else. */
export function layoutsOf(detected: CgroupLayout): CgroupLayout[] {
  const legacy = { ...detected, mode: 'legacy' as const, unified: undefined, unifiedControllers: [] };
  return detected.mode === 'hybrid' ? [detected, legacy] : [detected];
}
