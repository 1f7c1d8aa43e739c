/** Every kind of op and who performs it. A kind that is missing here does not compile. */

import { fillVolume } from '../image/volume-fill.ts';
import { type AddressExecutors, addressExecutors } from '../kernel/addresses.ts';
import { cgroupExecutors } from '../kernel/cgroups.ts';
import { type ContainerExecutors, containerExecutors } from '../kernel/containers.ts';
import { fileExecutors } from '../kernel/files.ts';
import { firewallExecutors } from '../kernel/firewall.ts';
import { firewalldExecutors } from '../kernel/firewalld.ts';
import { thaw } from '../kernel/freezer.ts';
import { type LinkExecutors, linkExecutors } from '../kernel/links.ts';
import { nftablesExecutors } from '../kernel/nftables.ts';
import { faultExecutors } from '../kernel/qdiscs.ts';
import { type RouteExecutors, routeExecutors } from '../kernel/routes.ts';
import { sysctlExecutors } from '../kernel/sysctls.ts';
import { volumeExecutors } from '../kernel/volumes.ts';
import type { OnEvent } from '../model/events.ts';
import type { Executors } from '../model/plan.ts';
import type { NetnsRef } from '../model/resources.ts';
import { TRUST_BRIDGES } from '../plan/firewall-notices.ts';
import { cgroupPath } from '../plan/names.ts';
import { signalNumber } from '../plan/signals.ts';
import { stageDirectory } from '../store/paths.ts';
import { awaitExecutors, type Supervision } from './await.ts';
import { tellLastWords } from './last-words.ts';
import type { Session } from './session.ts';

export interface ExecutorOptions extends Supervision {
  readonly onEvent: OnEvent;
  /** Ends the grace period of every stop. */
  readonly hurry: AbortSignal | undefined;
}

export function createExecutors(session: Session, { onEvent, hurry, ...waiting }: ExecutorOptions): Executors {
  const { paths } = session;
  return {
    ...sysctlExecutors(),
    ...networkExecutors(session),
    ...firewallExecutors({ programs: (signal) => session.iptables(signal) }),
    ...faultExecutors({ host: () => session.namespaces.host }),
    ...nftablesExecutors(),
    ...firewalldExecutors((message) => {
      session.firewalldFails = true;
      session.warnings.add(`${message}; ${TRUST_BRIDGES}`);
    }),
    ...volumeExecutors((contents, directory, signal) =>
      fillVolume(contents, directory, { launcherBinary: session.launcherBinary, stageDirectory: stageDirectory(session.host), signal }),
    ),
    ...cgroupExecutors(session.cgroups),
    ...fileExecutors,
    ...thawingExecutors(
      session,
      containerExecutors({
        containersDirectory: paths.containers,
        bootId: session.bootId,
        launcher: () => session.launcher,
        onCreated: (name, pid) => session.knowInit(name, pid),
        onWarning: (name, message) => session.warnings.add(`container \`${name}\`: ${message}`),
        signalNumber,
        hurry: hurry ?? new AbortController().signal,
      }),
    ),
    ...awaitExecutors(session, onEvent, waiting),
  };
}

function networkExecutors(session: Session): LinkExecutors & AddressExecutors & RouteExecutors {
  const { namespaces } = session;
  const links = linkExecutors({ namespaces });
  const addresses = addressExecutors({ namespaces });
  const routes = routeExecutors({ namespaces });
  const within = (netns: NetnsRef) => (netns.in === 'container' ? netns.container : undefined);
  return {
    ...links,
    ...addresses,
    ...routes,
    'link.create': (op, signal) =>
      tellLastWords(session, op.link.type === 'bridge' ? undefined : op.link.container, () => links['link.create'](op, signal)),
    'address.add': (op, signal) => tellLastWords(session, within(op.address.netns), () => addresses['address.add'](op, signal)),
    'route.add': (op, signal) => tellLastWords(session, within(op.route.netns), () => routes['route.add'](op, signal)),
  };
}

/** A frozen process hears no signal, with cgroup v1 not even SIGKILL (freezer-subsystem.txt). */
function thawingExecutors({ cgroups, stack }: Session, executors: ContainerExecutors): ContainerExecutors {
  return {
    ...executors,
    'container.stop': async (op, signal) => {
      await thaw(cgroups, cgroupPath(stack, op.name));
      await executors['container.stop'](op, signal);
    },
    'container.delete': async (op, signal) => {
      await thaw(cgroups, cgroupPath(stack, op.name));
      await executors['container.delete'](op, signal);
    },
  };
}
