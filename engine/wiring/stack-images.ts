/** Images of a stack, on request: those that it has from elsewhere, and those that are made here. */
import type { ImageSource, StackSpec } from '../../dsl/spec.ts';
import type { BuildOptions, PullOptions } from '../model/engine.ts';
import { type GetImagesOptions, getImages, imageEnvironment } from './images.ts';
import { makeHostDirectories } from './prepare.ts';
import type { Session } from './session.ts';
import { tellStorageFailures } from './storage-failure.ts';

/** Whether or not this host has them already. */
export function pullImages(session: Session, spec: StackSpec, { signal, onEvent, services }: PullOptions): Promise<void> {
  return getChosen(session, ofKind('reference', spec, services), { policy: 'always', signal, onEvent });
}

export function buildImages(session: Session, spec: StackSpec, options: BuildOptions): Promise<void> {
  const { signal, onEvent, services, noCache, pull } = options;
  const build = { noCache: noCache ?? false, pull: pull ?? false };
  return getChosen(session, ofKind('build', spec, services), { build, signal, onEvent });
}

async function getChosen(session: Session, spec: StackSpec, options: Omit<GetImagesOptions, 'environment'>): Promise<void> {
  await tellStorageFailures(session.host.stateDirectory, async () => {
    makeHostDirectories(session);
    using _images = await getImages(session, spec, { environment: imageEnvironment(spec, process.env), ...options });
  });
}

/** With the services that have such an image, of those asked for or of all. */
function ofKind(kind: ImageSource['kind'], spec: StackSpec, asked: readonly string[] | undefined): StackSpec {
  const services = Object.entries(spec.services).filter(([name, { image }]) => image.kind === kind && (asked?.includes(name) ?? true));
  return { ...spec, services: Object.fromEntries(services) };
}
