/** What is wrong between the parts of a stack though each part is right. Rules in the order in which they are told. */
import { crosscheckModes } from './crosscheck-modes.ts';
import { crosscheckNetworks } from './crosscheck-networks.ts';
import { checkPublishedPorts } from './crosscheck-ports.ts';
import { mayBringCommand, mayBringHealthcheck } from './image-brings.ts';
import { type IssueLog, isTold } from './issues.ts';
import type { ImageSource, ServiceSpec, StackSpec } from './spec.ts';

/** What a hostname may have: a label of RFC 1123. */
const LONGEST_CONTAINER_NAME = 63;
/** As a stack file has them. */
const NAMES: Readonly<Record<ImageSource['kind'], string>> = {
  hostRootfs: 'hostRootfs()',
  rootfs: 'rootfs()',
  reference: 'image',
  archive: 'ociImage()',
  debian: 'debian()',
  build: 'build()',
};

export function crosscheck(spec: StackSpec, log: IssueLog): void {
  for (const [name, service] of Object.entries(spec.services)) {
    checkContainerName(spec, name, log);
    checkCommand(name, service, log);
    checkMountTargets(name, service, log);
    checkStartFirst(name, service, log);
    checkConditions(spec, name, log);
  }
  crosscheckModes(spec, log);
  checkCycles(spec, log);
  checkPublishedPorts(spec, log);
  crosscheckNetworks(spec, log);
}

/** `shop-web-12` is also a hostname. */
function checkContainerName(spec: StackSpec, service: string, log: IssueLog): void {
  const { replicas, update } = spec.services[service] ?? { replicas: 1, update: undefined };
  // While `start-first` replaces containers, there are as many more as are replaced at a time.
  const extra = update?.order === 'start-first' ? Math.min(update.parallelism, replicas) : 0;
  const longest = `${spec.name}-${service}-${Math.max(1, replicas + extra)}`;
  if (longest.length <= LONGEST_CONTAINER_NAME) return;
  log.add(
    ['services', service],
    undefined,
    `would name a container \`${longest}\`, which is longer than ${LONGEST_CONTAINER_NAME} characters`,
  );
}

function checkCommand(name: string, { image, entrypoint, command }: ServiceSpec, log: IssueLog): void {
  if (mayBringCommand(image) || (entrypoint ?? []).length + (command ?? []).length > 0) return;
  if (isTold(log, ['services', name, 'image'])) return;
  const why = `is missing: \`${NAMES[image.kind]}\` has none of its own`;
  log.add(['services', name, 'command'], undefined, why);
}

function checkMountTargets(name: string, service: ServiceSpec, log: IssueLog): void {
  const targets = service.mounts.map((mount) => mount.target);
  for (const target of new Set(targets.filter((target, index) => targets.indexOf(target) < index))) {
    log.add(['services', name, 'volumes'], undefined, `mount more than one thing at \`${target}\``);
  }
}

/**
 * Two containers at once can't hold one address. Volumes are no reason: replicas share theirs too, and whether a program can is its
 * author's to know. Ports are the service's, whichever of its containers answer.
 */
function checkStartFirst(name: string, { update, networks }: ServiceSpec, log: IssueLog): void {
  if (update.order !== 'start-first') return;
  for (const attachment of networks) {
    for (const key of ['ipv4Address', 'ipv6Address', 'macAddress'] as const) {
      if (attachment[key] === undefined) continue;
      const why = `would have two containers at \`${attachment[key]}\` of network \`${attachment.network}\`: leave that \`${key}\` out`;
      log.add(['services', name, 'update', 'order'], update.order, why, 'stop-first');
    }
  }
}

function checkConditions(spec: StackSpec, name: string, log: IssueLog): void {
  for (const [dependency, { condition }] of Object.entries(spec.services[name]?.dependsOn ?? {})) {
    const path = ['services', name, 'dependsOn', dependency];
    const on = spec.services[dependency];
    if (condition === 'completed' && on?.kind === 'service') {
      log.add(path, condition, `never comes: \`${dependency}\` is no job; give it \`kind: 'job'\``);
    }
    const told = log.issues.some(({ path: [, service, key] }) => service === dependency && key === 'healthcheck');
    // An image may bring one; whether it does is found out with the image (`engine/plan/obstacles.ts`).
    const mayInherit = on !== undefined && mayBringHealthcheck(on.image) && on.inheritHealthcheck;
    if (condition === 'healthy' && on !== undefined && on.healthcheck === undefined && !mayInherit && !told) {
      log.add(path, condition, `never comes: \`${dependency}\` has no healthcheck`);
    }
  }
}

/** Each cycle once, from its first service in the order of the file. */
function checkCycles(spec: StackSpec, log: IssueLog): void {
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name);
    if (start >= 0) {
      const last = trail.at(-1) ?? name;
      const mode = spec.services[last]?.networkMode;
      const key = mode?.kind === 'service' && mode.service === name ? ['networkMode'] : ['dependsOn', name];
      if (isTold(log, ['services', last, ...key])) return;
      log.add(['services', last, ...key], undefined, `makes a cycle: ${[...trail.slice(start), name].join(' → ')}`);
      return;
    }
    if (done.has(name)) return;
    for (const dependency of Object.keys(spec.services[name]?.dependsOn ?? {})) visit(dependency, [...trail, name]);
    done.add(name);
  };
  for (const name of Object.keys(spec.services)) visit(name, []);
}
