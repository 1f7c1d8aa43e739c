import type { HostImages } from '../engine/index.ts';
import type { Paths } from './context.ts';

/** The images of this host, which need no stack file. */
export async function hostImages({ stateDirectory, runDirectory, launcher }: Paths): Promise<HostImages> {
  const { openHostImages } = await import('../engine/index.ts');
  return openHostImages({ stateDirectory, runDirectory, launcher });
}
