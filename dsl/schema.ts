/**
 * The shape of a stack: which settings there are and what type each has. What a text means (`'8080:80'`) is `normalize.ts`'s.
 * zod/mini, because it takes 20 ms less to load than zod; it has no messages of its own, so each type brings one.
 * Nothing is required here: what is missing is told by `normalize.ts`, so that a value taken out for being wrong isn't told twice.
 */
import * as z from 'zod/mini';

const text = z.string({ error: 'must be text' });
const flag = z.boolean({ error: 'must be true or false' });
const number = z.number({ error: 'must be a number' });
const scalar = z.union([text, number, flag], { error: 'must be text, a number, true or false' });
const size = z.union([number, text], { error: 'must be a size such as `512MiB`, or a number of bytes' });
const duration = z.union([number, text], { error: 'must be a duration such as `1m30s`, or a number of milliseconds' });
const texts = list(text);
const textOrTexts = z.union([text, texts], { error: 'must be text or a list of texts' });
const labels = record(scalar);

const image = z.union([text, settings({ kind: z.literal('hostRootfs') }), settings({ kind: z.literal('rootfs'), path: text })], {
  error: "must be an image reference, `hostRootfs()` or `rootfs('./dir')`",
});
const envFile = z.union([text, settings({ path: text, required: z.optional(flag) })], { error: 'must be a path or `{ path, required }`' });

const mount = z.discriminatedUnion(
  'type',
  [
    settings({ type: z.literal('volume'), source: text, target: text, readOnly: z.optional(flag) }),
    settings({ type: z.literal('bind'), source: text, target: text, readOnly: z.optional(flag), createHostPath: z.optional(flag) }),
    settings({
      type: z.literal('tmpfs'),
      target: text,
      size: z.optional(size),
      mode: z.optional(z.union([number, text], { error: 'must be permission bits such as `0o1777`' })),
      readOnly: z.optional(flag),
    }),
  ],
  { error: 'must be `volume`, `bind` or `tmpfs`' },
);

const attachment = settings({ aliases: z.optional(texts), ipv4Address: z.optional(text) });
const port = settings({
  target: number,
  published: z.optional(number),
  hostAddress: z.optional(text),
  protocol: z.optional(oneOf(['tcp', 'udp'])),
  public: z.optional(flag),
});
const condition = oneOf(['started', 'healthy', 'completed']);

const healthcheck = settings({
  test: z.optional(textOrTexts),
  interval: z.optional(duration),
  timeout: z.optional(duration),
  retries: z.optional(number),
  startPeriod: z.optional(duration),
  startInterval: z.optional(duration),
  disable: z.optional(flag),
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
  entrypoint: z.optional(textOrTexts),
  command: z.optional(textOrTexts),
  environment: z.optional(record(z.optional(z.nullable(scalar)))),
  envFile: z.optional(z.union([envFile, list(envFile)], { error: 'must be a path, `{ path, required }`, or a list of them' })),
  workingDir: z.optional(text),
  user: z.optional(z.union([text, number], { error: 'must be a user or a uid' })),
  hostname: z.optional(text),
  volumes: z.optional(list(z.union([text, mount], { error: 'must be `source:target` or `{ type, source, target }`' }))),
  tmpfs: z.optional(textOrTexts),
  networks: z.optional(
    z.union([texts, record(z.optional(z.nullable(attachment)))], {
      error: 'must be a list of networks, or an object with networks as keys',
    }),
  ),
  ports: z.optional(list(z.union([number, text, port], { error: 'must be `host:container` or `{ target, published }`' }))),
  dependsOn: z.optional(
    z.union(
      [texts, record(z.optional(z.union([condition, settings({ condition })], { error: 'must be `started`, `healthy` or `completed`' })))],
      {
        error: 'must be a list of services, or an object with services as keys',
      },
    ),
  ),
  healthcheck: z.optional(healthcheck),
  restart: z.optional(text),
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

const network = settings({
  internal: z.optional(flag),
  subnet: z.optional(text),
  gateway: z.optional(text),
  mtu: z.optional(number),
  labels: z.optional(labels),
});

export const stackSchema = settings({
  name: z.optional(text),
  services: z.optional(record(service)),
  networks: z.optional(record(z.optional(z.nullable(network)))),
  volumes: z.optional(record(z.optional(z.nullable(settings({ labels: z.optional(labels) }))))),
});

export type StackShape = z.infer<typeof stackSchema>;
export type ServiceShape = z.infer<typeof service>;
export type NetworkShape = z.infer<typeof network>;
export type MountShape = z.infer<typeof mount>;
export type PortShape = z.infer<typeof port>;
export type HealthcheckShape = z.infer<typeof healthcheck>;
export type LimitsShape = z.infer<typeof limits>;

/** An object with these keys and no others. Of an unknown key the message is the known ones: `schema-issues.ts` looks for the nearest in it. */
function settings<const T extends Record<string, z.core.SomeType>>(shape: T) {
  const known = Object.keys(shape).join(' ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : 'must be an object of settings') });
}

function record<const T extends z.core.SomeType>(value: T) {
  return z.record(z.string(), value, { error: 'must be an object' });
}

function list<const T extends z.core.SomeType>(item: T) {
  return z.array(item, { error: 'must be a list' });
}

function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `must be ${values.map((value) => `\`${value}\``).join(' or ')}` });
}
