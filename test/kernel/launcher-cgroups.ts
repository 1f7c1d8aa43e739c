/** A cgroup of a test's own in the hierarchy that has a controller: v1 where there is one, else v2. Not made with our own driver. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import type { LaunchSpec } from '../../engine/model/launch.ts';

export interface TestCgroup {
  readonly directory: string;
  readonly legacy: boolean;
  /** What a container is given to be in it. */
  readonly launch: Pick<LaunchSpec, 'cgroupUnified' | 'cgroupLegacy'>;
  /** Of `/proc/self/cgroup` as a process in it sees it. */
  readonly line: RegExp;
  remove(): void;
}

export function makeTestCgroup(controller: 'cpu' | 'memory' | 'pids'): TestCgroup {
  const name = `tsstack-launcher-${randomUUID()}`;
  const v1 = `/sys/fs/cgroup/${controller}`;
  if (existsSync(`${v1}/cgroup.procs`)) {
    const directory = `${v1}/${name}`;
    return make({ directory, legacy: true, launch: { cgroupUnified: undefined, cgroupLegacy: [directory] }, line: lineOf(controller) });
  }
  const control = `${unifiedRoot()}/cgroup.subtree_control`;
  if (!readFileSync(control, 'utf8').split(/\s/).includes(controller)) writeFileSync(control, `+${controller}`);
  return makeUnifiedCgroup(name);
}

/** In v2's hierarchy, whatever it controls. */
export function makeUnifiedCgroup(name = `tsstack-launcher-${randomUUID()}`): TestCgroup {
  const directory = `${unifiedRoot()}/${name}`;
  return make({ directory, legacy: false, launch: { cgroupUnified: directory, cgroupLegacy: [] }, line: /^0::\/$/m });
}

function make(cgroup: Omit<TestCgroup, 'remove'>): TestCgroup {
  mkdirSync(cgroup.directory);
  return { ...cgroup, remove: () => rmdirSync(cgroup.directory) };
}

function lineOf(controller: string): RegExp {
  return new RegExp(`^\\d+:${controller}:/$`, 'm');
}

function unifiedRoot(): string {
  const found = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => existsSync(`${path}/cgroup.controllers`));
  if (found === undefined) throw new Error('no v2 hierarchy below /sys/fs/cgroup');
  return found;
}
