/** A container's network is made while its root filesystem is built. If that fails, its init ends, and the network says only that it is gone. */
import { isEnding, readContainerStatus } from '../kernel/container-status.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContainerName } from '../model/ids.ts';
import type { Session } from './session.ts';

/** Runs `work` on the network of a container. When it fails because the container has ended, why it has is thrown instead. */
export async function tellLastWords(session: Session, container: ContainerName | undefined, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw (container === undefined ? undefined : await lastWords(session, container)) ?? error;
  }
}

async function lastWords(session: Session, name: ContainerName): Promise<TsstackError | undefined> {
  const directory = `${session.paths.containers}/${name}`;
  const { state, init, monitor } = readContainerStatus(directory, session.bootId);
  // The monitor writes the reason down after it has ended the init, and ends then.
  if (state !== 'stopped' && monitor && (!init || isEnding(init))) await session.launcher.waitExit(monitor, new AbortController().signal);
  const why = readContainerStatus(directory, session.bootId).exit?.error;
  return why === undefined ? undefined : new TsstackError(`cannot create container \`${name}\`: ${why}`, { code: 'launch' });
}
