/** `build(from(…), b => …)` of a stack file as a graph of one stage. */
import { posix } from 'node:path';
import type { BuildStepSpec, ImageSource, StepsRecipe } from '../../dsl/spec.ts';
import type { BuildGraph, BuildPlace, BuildStep, ConfigChange, CopyOrigin, ParentConfig } from '../model/build.ts';
import { type ReadContext, type StageState, stateOf } from './dockerfile-instruction.ts';
import { triggeredSteps } from './dockerfile-instructions.ts';
import { loadAstParser } from './dockerfile-lines.ts';
import { originOf } from './dockerfile-stages.ts';

/** Lines of a stack file are not known: its functions have run by now. */
const FILE = 'stack.config.ts';

export async function graphOfSteps({ base, steps }: StepsRecipe): Promise<BuildGraph> {
  const parser = await loadAstParser();
  const from: BuildPlace = { file: FILE, line: 0, text: `from ${nameOf(base)}` };
  // For the triggers of a base that was built from a Dockerfile.
  const context: ReadContext = {
    parser,
    escapeChar: '\\',
    givenArgs: {},
    globalArgs: {},
    proxies: {},
    secrets: new Set(),
    originOf: (name, place) => originOf(name, place, { stages: [], index: 0, contexts: new Set() }),
  };
  const stepsOn = (parent: ParentConfig): readonly BuildStep[] => {
    const state = stateOf(parent, {});
    const triggered = triggeredSteps(parent.onBuild, state, { from, context });
    const done: BuildStep[] = parent.onBuild.length > 0 ? [{ place: from, do: 'config', change: { onBuild: [] } }] : [];
    return [...done, ...triggered, ...steps.map((step) => stepOf(step, state))];
  };
  return { stages: [{ name: undefined, base: { kind: 'image', image: base }, place: from, uses: [], steps: stepsOn }], target: 0 };
}

function stepOf(step: BuildStepSpec, state: StageState): BuildStep {
  const place: BuildPlace = { file: FILE, line: 0, text: textOf(step) };
  switch (step.do) {
    case 'run':
      return { place, do: 'run', argv: step.command, environment: {}, mounts: step.caches.map(cacheAt), network: 'default' };
    case 'copy': {
      const from: CopyOrigin = step.from === undefined ? { kind: 'context' } : { kind: 'image', image: step.from };
      return {
        place,
        do: 'copy',
        sources: step.sources.map((pattern) => ({ kind: 'files', from, pattern, unpack: false })),
        target: targetOf(step.target, state),
        owner: step.owner,
        mode: step.mode,
        exclude: step.exclude,
        parents: false,
      };
    }
    case 'workdir':
      state.workingDir = posix.resolve('/', state.workingDir, step.path);
      return { place, do: 'workdir', path: state.workingDir };
    default:
      return { place, do: 'config', change: changeOf(step) };
  }
}

function changeOf(step: Exclude<BuildStepSpec, { readonly do: 'run' | 'copy' | 'workdir' }>): ConfigChange {
  switch (step.do) {
    case 'env':
      return { environment: step.values };
    case 'label':
      return { labels: step.values };
    case 'user':
      return { user: step.user };
    case 'entrypoint':
      return { entrypoint: step.argv };
    case 'cmd':
      return { command: step.argv };
    case 'expose':
      return { exposedPorts: step.ports };
    case 'volume':
      return { volumes: step.paths };
    case 'stopSignal':
      return { stopSignal: step.signal };
  }
}

/** As Docker names and makes a cache that says nothing else, so that Dockerfiles share it. */
function cacheAt(target: string) {
  return { type: 'cache', id: target, target, readOnly: false, sharing: 'shared', mode: 0o755, uid: 0, gid: 0 } as const;
}

function targetOf(written: string, { workingDir }: StageState): string {
  const path = posix.resolve('/', workingDir, written);
  return /(?:^|\/)\.{0,2}$/.test(written) && path !== '/' ? `${path}/` : path;
}

/** As it was written, nearly. */
function textOf(step: BuildStepSpec): string {
  switch (step.do) {
    case 'run':
      return `run ${step.command[0] === '/bin/sh' && step.command[1] === '-c' ? step.command.slice(2).join(' ') : step.command.join(' ')}`;
    case 'copy':
      return `copy ${[...step.sources, step.target].join(' ')}`;
    case 'env':
    case 'label':
      return `${step.do} ${Object.entries(step.values)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`;
    case 'workdir':
      return `workdir ${step.path}`;
    case 'user':
      return `user ${step.user}`;
    case 'entrypoint':
    case 'cmd':
      return `${step.do} ${step.argv.join(' ')}`;
    case 'expose':
      return `expose ${step.ports.join(' ')}`;
    case 'volume':
      return `volume ${step.paths.join(' ')}`;
    case 'stopSignal':
      return `stopSignal ${step.signal}`;
  }
}

function nameOf(image: ImageSource): string {
  switch (image.kind) {
    case 'reference':
      return image.reference;
    case 'debian':
      return `debian ${image.suite}`;
    case 'archive':
    case 'rootfs':
      return image.path;
    case 'hostRootfs':
    case 'build':
      return image.kind;
  }
}
