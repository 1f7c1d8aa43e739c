/** Whose network a service has, and what that says about its other settings. */
import { readAttachments } from './attachments.ts';
import type { IssuePath } from './issues.ts';
import type { ServiceShape } from './schema.ts';
import { isDeclared, type Scope } from './scope.ts';
import type { DependencySpec, NetworkAttachmentSpec, NetworkModeSpec } from './spec.ts';
import { nearest } from './suggest.ts';

const OWN: NetworkModeSpec = { kind: 'own' };
const WORDS = ['host', 'none'];

export interface Connection {
  readonly networkMode: NetworkModeSpec;
  readonly networks: readonly NetworkAttachmentSpec[];
}

export function readConnection(written: ServiceShape, path: IssuePath, scope: Scope): Connection {
  const { networkMode: mode } = written;
  if (mode === undefined) return { networkMode: OWN, networks: readAttachments(written.networks, [...path, 'networks'], scope) };
  const networkMode = readMode(mode, path, scope);
  tellContradictions(written, path, scope);
  return { networkMode: networkMode ?? OWN, networks: [] };
}

/** Whose network it has must be there before it. When that one is made anew, its network is another one. */
export function withNetworkDependency(
  dependsOn: Readonly<Record<string, DependencySpec>>,
  mode: NetworkModeSpec,
): Readonly<Record<string, DependencySpec>> {
  if (mode.kind !== 'service' || dependsOn[mode.service] !== undefined) return dependsOn;
  return { ...dependsOn, [mode.service]: { condition: 'started', restart: true } };
}

function readMode(mode: string, path: IssuePath, scope: Scope): NetworkModeSpec | undefined {
  const at = [...path, 'networkMode'];
  if (mode === 'host') return { kind: 'host' };
  if (mode === 'none') return OWN;
  const [, service] = /^service:(.*)$/s.exec(mode) ?? [];
  if (service === path[1]) return scope.log.add(at, mode, 'is the service itself');
  if (service !== undefined) {
    return isDeclared(scope, 'services', { path: at, name: service }) ? { kind: 'service', service } : undefined;
  }
  if (mode === 'bridge') return scope.log.add(at, mode, 'is what a service has without it: leave it out, and use `networks`');
  const near = nearest(mode, [...WORDS, ...[...scope.services].map((name) => `service:${name}`)]);
  return scope.log.add(
    at,
    mode,
    'must be `host`, `none` or `service:NAME`',
    near ?? (scope.services.has(mode) ? `service:${mode}` : undefined),
  );
}

function tellContradictions(written: ServiceShape, path: IssuePath, scope: Scope): void {
  const { networkMode: mode = '', networks, ports = [] } = written;
  const contradiction = `contradicts \`networkMode: '${mode}'\``;
  const isEmpty = networks === undefined || (Array.isArray(networks) && networks.length === 0);
  if (!isEmpty) scope.log.add([...path, 'networks'], undefined, `${contradiction}: leave one of them out`);
  const [, service] = /^service:(.*)$/s.exec(mode) ?? [];
  const whose = service !== undefined ? `has those of service \`${service}\`` : mode === 'host' ? 'has those of the host' : undefined;
  if (whose === undefined) return;
  if (ports.length > 0) {
    const where = service !== undefined ? `publish them at service \`${service}\`, whose network it has` : 'it listens on the host already';
    scope.log.add([...path, 'ports'], undefined, `contradict \`networkMode: '${mode}'\`: ${where}`);
  }
  for (const key of ['dns', 'dnsSearch', 'dnsOpt', 'extraHosts'] as const) {
    if (written[key] !== undefined) scope.log.add([...path, key], undefined, `${contradiction}: a service with that ${whose}`);
  }
  if (service !== undefined && written.hostname !== undefined) {
    scope.log.add(
      [...path, 'hostname'],
      written.hostname,
      `${contradiction}: nobody would find it, for its address is that of \`${service}\``,
    );
  }
}
