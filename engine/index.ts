/** The engine: everything that makes the kernel match a stack. */
import fs from 'node:fs';
import type net from 'node:net';
import { parseFailpoints } from './apply/failpoints.ts';
import type { Engine, ImageListing, StackSource } from './model/engine.ts';
import type { HooksByService } from './model/hooks.ts';
import type { StackIdentity } from './model/ids.ts';
import type { NetworkListing } from './model/network-listing.ts';
import { stackIdentity } from './plan/names.ts';
import { stacksOfDirectory } from './store/allocation.ts';
import type { HostPaths } from './store/paths.ts';
import { listHostImages } from './wiring/image-listing.ts';
import { listNetworks } from './wiring/network-listing.ts';
import { requireRoot } from './wiring/prepare.ts';
import { readBootId, Session } from './wiring/session.ts';
import { StackEngine } from './wiring/stack-engine.ts';
import { runSupervisorProcess } from './wiring/supervisor-process.ts';

export { type FirewallReport, reportFirewall } from './wiring/firewall-report.ts';
export { type HostImages, openHostImages } from './wiring/host-images.ts';

export interface EngineOptions {
  readonly name: string;
  /** Directory of the stack file; its real path is part of the stack's identity. */
  readonly directory: string;
  readonly instance?: string | undefined;
  readonly paths: EnginePaths;
  /** As `TSSTACK_FAILPOINTS`, for tests. */
  readonly failpoints?: string | undefined;
  /** Changes whenever tsstack's code does. */
  readonly build: string;
  /** The command that becomes a supervisor: the stack's identity is added as one word of JSON, and its connection is descriptor 3. */
  readonly supervisor: readonly [string, ...string[]];
}

export interface EnginePaths extends HostPaths {
  /** The launcher's binary. */
  readonly launcher: string;
}

/**
 * The stacks that run from a directory, for commands that must work without its stack file: it may be broken or gone when the stack
 * is to be taken down.
 */
export function findStacks(paths: Pick<HostPaths, 'stateDirectory'>, directory: string): readonly StackIdentity[] {
  return stacksOfDirectory(paths, fs.realpathSync(directory));
}

/** All images that are here, sorted by reference. */
export function listImages(paths: Pick<HostPaths, 'stateDirectory'>): readonly ImageListing[] {
  return listHostImages(paths);
}

/** Networks of all stacks of this host that are up, by stack and name. */
export function listHostNetworks(paths: HostPaths): readonly NetworkListing[] {
  requireRoot('list networks');
  return listNetworks(paths, { bootId: readBootId() });
}

export function createEngine(options: EngineOptions): Engine {
  const { paths, build, supervisor } = options;
  const stack = stackIdentity(options.name, fs.realpathSync(options.directory), options.instance);
  const session = new Session({ stack, host: paths, launcher: paths.launcher });
  return new StackEngine(session, { build, supervisor, failpoints: parseFailpoints(options.failpoints) });
}

export interface SupervisorRunOptions {
  readonly stack: StackIdentity;
  readonly paths: EnginePaths;
  readonly failpoints?: string | undefined;
  readonly build: string;
  /** Of who started it. */
  readonly connection: net.Socket;
  /** Loads a stack file's functions. */
  readonly loadHooks: (source: StackSource) => Promise<HooksByService>;
}

/** This process is the supervisor of a stack from now on. Resolves when nothing is left to do. */
export async function runSupervisor({ stack, paths, failpoints, ...options }: SupervisorRunOptions): Promise<void> {
  const session = new Session({ stack, host: paths, launcher: paths.launcher });
  await runSupervisorProcess({ ...options, session, failpoints: parseFailpoints(failpoints) });
}
