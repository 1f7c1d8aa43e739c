/** A host that speaks the distribution API: a registry, or a mirror of one. */
import type { RegistrySettings } from '../../codec/registries-file.ts';
import type { Trust } from './routes.ts';

export interface Endpoint extends Trust {
  /** Under which settings and credentials are found: `docker.io`. */
  readonly registry: string;
  /** Where it really is: `registry-1.docker.io`. */
  readonly host: string;
  /** Before the repository: a mirror may be a folder of a larger registry. Empty, or with a slash at the end. */
  readonly prefix: string;
  /** Undefined: to be found out. Only what is insecure may speak plain HTTP without being told to. */
  readonly scheme: 'https' | 'http' | undefined;
  readonly isMirror: boolean;
}

/** The registry itself. */
export function registryEndpoint(registry: string, settings: RegistrySettings): Endpoint {
  return {
    registry,
    host: registry === 'docker.io' ? 'registry-1.docker.io' : registry,
    prefix: '',
    scheme: settings.insecure ? undefined : 'https',
    insecure: settings.insecure,
    ca: settings.ca,
    isMirror: false,
  };
}

/** `settings`: of the mirror's own host. */
export function mirrorEndpoint(mirror: string, settingsOf: (registry: string) => RegistrySettings): Endpoint {
  const { protocol, host, pathname } = new URL(mirror);
  const settings = settingsOf(host);
  const path = pathname.replace(/^\/|\/$/g, '');
  return {
    registry: host,
    host,
    prefix: path === '' ? '' : `${path}/`,
    scheme: protocol === 'http:' ? 'http' : settings.insecure ? undefined : 'https',
    insecure: settings.insecure,
    ca: settings.ca,
    isMirror: true,
  };
}
