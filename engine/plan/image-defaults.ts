/** What an image says of the containers made of it, beneath what the stack file says. */
import { HEALTHCHECK_DEFAULTS } from '../../dsl/healthcheck.ts';
import type { HealthcheckSpec, ServiceSpec, StackSpec } from '../../dsl/spec.ts';
import type { ImageDefaults, ResolvedImage } from '../model/facts.ts';
import { imageKey } from './image-key.ts';
import { signalName } from './signals.ts';

/** The stack as it is with its images. Done twice, it is the same as once. */
export function withImageDefaults(spec: StackSpec, images: Readonly<Record<string, ResolvedImage>>): StackSpec {
  const services = Object.entries(spec.services).map(([name, service]) => {
    const defaults = images[imageKey(service.image)]?.defaults;
    return [name, defaults === undefined ? service : withDefaults(service, defaults)] as const;
  });
  return { ...spec, services: Object.fromEntries(services) };
}

function withDefaults(service: ServiceSpec, defaults: ImageDefaults): ServiceSpec {
  return {
    ...service,
    stopSignal: service.stopSignal ?? (defaults.stopSignal === undefined ? undefined : signalName(defaults.stopSignal)),
    healthcheck: service.healthcheck ?? (service.inheritHealthcheck ? healthcheckOf(defaults) : undefined),
    labels: { ...defaults.labels, ...service.labels },
  };
}

/** Undefined: it has none. What it leaves out is as of a healthcheck in a stack file. */
function healthcheckOf({ healthcheck, shell }: ImageDefaults): HealthcheckSpec | undefined {
  const [kind, ...words] = healthcheck?.test ?? [];
  if (healthcheck === undefined || words.length === 0 || (kind !== 'CMD' && kind !== 'CMD-SHELL')) return undefined;
  const argv = kind === 'CMD' ? words : [...(shell ?? ['/bin/sh', '-c']), words.join(' ')];
  const { interval, timeout, startPeriod, startInterval, retries } = HEALTHCHECK_DEFAULTS;
  return {
    probe: { kind: 'exec', argv },
    intervalMs: healthcheck.intervalMs ?? interval,
    timeoutMs: healthcheck.timeoutMs ?? timeout,
    retries: healthcheck.retries ?? retries,
    startPeriodMs: healthcheck.startPeriodMs ?? startPeriod,
    startIntervalMs: healthcheck.startIntervalMs ?? startInterval,
    restart: true,
  };
}
