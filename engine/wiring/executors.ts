/** Every kind of op and who performs it. A kind that is missing here does not compile. */

import { addressExecutors } from '../kernel/addresses.ts';
import { cgroupExecutors } from '../kernel/cgroups.ts';
import { containerExecutors } from '../kernel/containers.ts';
import { fileExecutors } from '../kernel/files.ts';
import { firewallExecutors } from '../kernel/firewall.ts';
import { linkExecutors } from '../kernel/links.ts';
import { routeExecutors } from '../kernel/routes.ts';
import { sysctlExecutors } from '../kernel/sysctls.ts';
import { volumeExecutors } from '../kernel/volumes.ts';
import type { OnEvent } from '../model/events.ts';
import type { Executors } from '../model/plan.ts';
import { signalNumber } from '../plan/signals.ts';
import { awaitExecutors } from './await.ts';
import type { Session } from './session.ts';

export interface ExecutorOptions {
  readonly onEvent: OnEvent;
  /** Ends the grace period of every stop. */
  readonly hurry: AbortSignal | undefined;
}

export function createExecutors(session: Session, { onEvent, hurry }: ExecutorOptions): Executors {
  const { namespaces, paths } = session;
  return {
    ...sysctlExecutors(),
    ...linkExecutors({ namespaces }),
    ...addressExecutors({ namespaces }),
    ...routeExecutors({ namespaces }),
    ...firewallExecutors(),
    ...volumeExecutors,
    ...cgroupExecutors(session.cgroups),
    ...fileExecutors,
    ...containerExecutors({
      containersDirectory: paths.containers,
      bootId: session.bootId,
      launcher: () => session.launcher,
      onCreated: (name, pid) => session.knowInit(name, pid),
      onWarning: (name, message) => session.warnings.add(`container \`${name}\`: ${message}`),
      signalNumber,
      hurry: hurry ?? new AbortController().signal,
    }),
    ...awaitExecutors(session, onEvent),
  };
}
