/**
 * The shape of a stack: which settings there are and what type each has. What a text means (`'8080:80'`) is `normalize.ts`'s.
 * zod/mini, because it takes 20 ms less to load than zod; it has no messages of its own, so each type brings one.
 * Nothing is required here: what is missing is told by `normalize.ts`, so that a value taken out for being wrong isn't told twice.
 */
import * as z from 'zod/mini';
import type { HostHook } from './input-hooks.ts';
import { buildShape, image } from './schema-image.ts';
import { attachment, extraHosts, network, port } from './schema-network.ts';
import { environment, flag, labels, list, mode, number, oneOf, record, settings, text, textOrTexts, texts, user } from './schema-parts.ts';

const size = z.union([number, text], { error: 'must be a size such as `512MiB`, or a number of bytes' });
const duration = z.union([number, text], { error: 'must be a duration such as `1m30s`, or a number of milliseconds' });

const envFile = z.union([text, settings({ path: text, required: z.optional(flag) })], { error: 'must be a path or `{ path, required }`' });

const mount = z.discriminatedUnion(
  'type',
  [
    settings({ type: z.literal('volume'), source: text, target: text, readOnly: z.optional(flag), nocopy: z.optional(flag) }),
    settings({ type: z.literal('bind'), source: text, target: text, readOnly: z.optional(flag), createHostPath: z.optional(flag) }),
    settings({
      type: z.literal('tmpfs'),
      target: text,
      size: z.optional(size),
      mode: z.optional(mode),
      readOnly: z.optional(flag),
    }),
  ],
  { error: 'must be `volume`, `bind` or `tmpfs`' },
);

const condition = oneOf(['started', 'healthy', 'completed']);
const dependency = z.optional(
  z.union([condition, settings({ condition: z.optional(condition), restart: z.optional(flag) })], {
    error: 'must be `started`, `healthy` or `completed`',
  }),
);

const http = settings({ port: number, path: z.optional(text), headers: z.optional(labels) });
const healthcheck = settings({
  test: z.optional(textOrTexts),
  http: z.optional(z.union([number, text, http], { error: 'must be `PORT/path`, a port, or `{ port, path, headers }`' })),
  tcp: z.optional(number),
  log: z.optional(z.union([text, z.instanceof(RegExp)], { error: 'must be text or a regular expression' })),
  interval: z.optional(duration),
  timeout: z.optional(duration),
  retries: z.optional(number),
  startPeriod: z.optional(duration),
  startInterval: z.optional(duration),
  restart: z.optional(flag),
  disable: z.optional(flag),
});

const hookCommand = settings({
  command: textOrTexts,
  user: z.optional(user),
  workingDir: z.optional(text),
  environment: z.optional(environment),
  timeout: z.optional(duration),
});
const HOOK = 'must be text, a list of texts, or `{ command }`';
const hook = z.union([text, hookCommand, texts], { error: HOOK });
/** A list of texts is one command: `hooks.ts` tells it from a list of several. */
const hooks = z.union([text, hookCommand, list(hook)], { error: `${HOOK}, or a list of them` });
const hostHook = z.custom<HostHook>((value) => typeof value === 'function', { error: 'must be a function' });

const watchRule = settings({
  path: text,
  // `rebuild` is Compose's, so that `develop.ts` can tell what is to be done in its stead.
  action: z.enum(['sync', 'restart', 'sync+restart', 'sync+exec', 'rebuild'], {
    error: 'must be `sync`, `restart`, `sync+restart` or `sync+exec`',
  }),
  target: z.optional(text),
  ignore: z.optional(texts),
  exec: z.optional(hook),
});

const limits = settings({
  cpus: z.optional(number),
  cpuShares: z.optional(number),
  cpuset: z.optional(text),
  memory: z.optional(size),
  memoryReservation: z.optional(size),
  swap: z.optional(size),
  pids: z.optional(number),
});

const service = settings({
  kind: z.optional(oneOf(['service', 'job'])),
  rerun: z.optional(oneOf(['on-change', 'always'])),
  image: z.optional(image),
  build: z.optional(buildShape),
  pullPolicy: z.optional(oneOf(['missing', 'always', 'never'])),
  entrypoint: z.optional(textOrTexts),
  command: z.optional(textOrTexts),
  environment: z.optional(environment),
  envFile: z.optional(z.union([envFile, list(envFile)], { error: 'must be a path, `{ path, required }`, or a list of them' })),
  workingDir: z.optional(text),
  user: z.optional(user),
  hostname: z.optional(text),
  volumes: z.optional(list(z.union([text, mount], { error: 'must be `source:target` or `{ type, source, target }`' }))),
  tmpfs: z.optional(textOrTexts),
  networks: z.optional(
    z.union([texts, record(z.optional(z.nullable(attachment)))], {
      error: 'must be a list of networks, or an object with networks as keys',
    }),
  ),
  ports: z.optional(list(z.union([number, text, port], { error: 'must be `host:container` or `{ target, published }`' }))),
  strictPorts: z.optional(flag),
  networkMode: z.optional(text),
  dns: z.optional(textOrTexts),
  dnsSearch: z.optional(textOrTexts),
  dnsOpt: z.optional(texts),
  extraHosts: z.optional(extraHosts),
  dependsOn: z.optional(z.union([texts, record(dependency)], { error: 'must be a list of services, or an object with services as keys' })),
  healthcheck: z.optional(healthcheck),
  restart: z.optional(text),
  postStart: z.optional(hooks),
  preStop: z.optional(hooks),
  onStarted: z.optional(hostHook),
  onHealthy: z.optional(hostHook),
  onUnhealthy: z.optional(hostHook),
  onExited: z.optional(hostHook),
  hookTimeout: z.optional(duration),
  update: z.optional(settings({ order: z.optional(oneOf(['stop-first', 'start-first'])), parallelism: z.optional(number) })),
  develop: z.optional(settings({ watch: z.optional(list(watchRule)) })),
  replicas: z.optional(number),
  labels: z.optional(labels),
  stopSignal: z.optional(text),
  stopGracePeriod: z.optional(duration),
  init: z.optional(flag),
  readOnly: z.optional(flag),
  limits: z.optional(limits),
  userns: z.optional(oneOf(['private', 'host'])),
  capAdd: z.optional(texts),
  capDrop: z.optional(texts),
  sysctls: z.optional(record(z.union([text, number], { error: 'must be text or a number' }))),
});

export const stackSchema = settings({
  name: z.optional(text),
  services: z.optional(record(service)),
  networks: z.optional(record(z.optional(z.nullable(network)))),
  volumes: z.optional(record(z.optional(z.nullable(settings({ labels: z.optional(labels) }))))),
  strictPorts: z.optional(flag),
});

export type StackShape = z.infer<typeof stackSchema>;
export type ServiceShape = z.infer<typeof service>;
export type MountShape = z.infer<typeof mount>;
export type HealthcheckShape = z.infer<typeof healthcheck>;
export type HttpProbeShape = z.infer<typeof http>;
export type DependencyShape = z.infer<typeof dependency>;
export type EnvironmentShape = z.infer<typeof environment>;
export type HookShape = z.infer<typeof hook>;
export type HooksShape = z.infer<typeof hooks>;
export type WatchRuleShape = z.infer<typeof watchRule>;
export type LimitsShape = z.infer<typeof limits>;
