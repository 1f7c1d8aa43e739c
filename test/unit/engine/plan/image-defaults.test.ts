import { describe, expect, it } from 'vitest';
import type { ServiceSpec } from '../../../../dsl/spec.ts';
import type { ImageDefaults, ResolvedImage } from '../../../../engine/model/facts.ts';
import { withImageDefaults } from '../../../../engine/plan/image-defaults.ts';
import { lower } from '../../../../engine/plan/lower.ts';
import { stackIdentity } from '../../../../engine/plan/names.ts';
import { facts, service, stack } from '../../../support/plan-world.ts';

const NOTHING: ImageDefaults = {
  stopSignal: undefined,
  healthcheck: undefined,
  shell: undefined,
  labels: {},
  exposedPorts: [],
  volumes: [],
};
const CHECK = {
  test: ['CMD-SHELL', 'pg_isready -q'],
  intervalMs: 5000,
  timeoutMs: undefined,
  startPeriodMs: undefined,
  startIntervalMs: undefined,
  retries: 7,
};

function image(defaults: Partial<ImageDefaults> = {}, parts: Partial<ResolvedImage> = {}): ResolvedImage {
  const [made] = Object.values(facts().images);
  if (made === undefined) throw new Error('there is no image');
  return { ...made, name: 'db:1', defaults: { ...NOTHING, ...defaults }, ...parts };
}

const db = (parts: Partial<ServiceSpec> = {}): ServiceSpec => service({ image: { kind: 'reference', reference: 'db:1' }, ...parts });
const effective = (defaults: Partial<ImageDefaults>, parts: Partial<ServiceSpec> = {}) =>
  withImageDefaults(stack({ db: db(parts) }), { 'db:1': image(defaults) }).services['db'];
const lowered = (services: Record<string, ServiceSpec>, resolved: ResolvedImage) => {
  const known = facts();
  return lower(stack(services), stackIdentity('shop', '/shop', undefined), { ...known, images: { ...known.images, 'db:1': resolved } });
};

describe('what an image says', () => {
  it.each([
    ['SIGQUIT', 'SIGQUIT'],
    ['QUIT', 'SIGQUIT'],
    ['3', 'SIGQUIT'],
    ['nonsense', undefined],
  ])('is its stop signal, `%s`, unless the stack file has one', (written, name) => {
    expect(effective({ stopSignal: written })?.stopSignal).toBe(name);
    expect(effective({ stopSignal: written }, { stopSignal: 'SIGINT' })?.stopSignal).toBe('SIGINT');
  });

  it('is its health check, with the defaults of a stack file for what it leaves out', () => {
    expect(effective({ healthcheck: CHECK })?.healthcheck).toEqual({
      probe: { kind: 'exec', argv: ['/bin/sh', '-c', 'pg_isready -q'] },
      intervalMs: 5000,
      timeoutMs: 30_000,
      retries: 7,
      startPeriodMs: 30_000,
      startIntervalMs: 100,
      restart: true,
    });
    const exec = { ...CHECK, test: ['CMD', 'pg_isready', '-q'] };
    expect(effective({ healthcheck: exec })?.healthcheck?.probe).toEqual({ kind: 'exec', argv: ['pg_isready', '-q'] });
    expect(effective({ healthcheck: CHECK, shell: ['bash', '-ec'] })?.healthcheck?.probe).toEqual({
      kind: 'exec',
      argv: ['bash', '-ec', 'pg_isready -q'],
    });
  });

  it('is no health check where the image or the stack file disables it', () => {
    expect(effective({ healthcheck: { ...CHECK, test: ['NONE'] } })?.healthcheck).toBeUndefined();
    expect(effective({ healthcheck: CHECK }, { inheritHealthcheck: false })?.healthcheck).toBeUndefined();
  });

  it('is labels, beneath those of the stack file', () => {
    expect(effective({ labels: { a: 'image', b: 'image' } }, { labels: { b: 'file' } })?.labels).toEqual({ a: 'image', b: 'file' });
  });

  it('is the same when it is applied twice', () => {
    const images = { 'db:1': image({ healthcheck: CHECK, stopSignal: '3', labels: { a: '1' } }) };
    const once = withImageDefaults(stack({ db: db() }), images);
    expect(withImageDefaults(once, images)).toEqual(once);
  });
});

describe('the plan of a stack with images of a registry', () => {
  const waits = service({ dependsOn: { db: { condition: 'healthy', restart: false } } });

  it('refuses to wait for the health of what has no health check', () => {
    expect(lowered({ db: db(), web: waits }, image()).obstacles).toMatchObject([
      { message: expect.stringContaining('neither the stack file nor image `db:1` has a healthcheck') },
    ]);
    expect(lowered({ db: db(), web: waits }, image({ healthcheck: CHECK })).obstacles).toEqual([]);
  });

  it('refuses a user that the image names and does not have', () => {
    expect(lowered({ db: db() }, image({}, { user: 'postgres' })).obstacles).toMatchObject([
      { message: expect.stringContaining('the image has no user `postgres`') },
    ]);
  });

  it('says that an image is missing, and refuses nothing for what it does not know of it', () => {
    const { obstacles, notices } = lowered(
      { db: db({ user: 'postgres' }), web: waits },
      { ...image(), defaults: undefined, missing: true },
    );
    expect(obstacles).toEqual([]);
    expect(notices).toMatchObject([{ message: expect.stringMatching(/^image `db:1` is not here: `up` pulls it first/) }]);
  });

  it('has a volume for each path that its image declares and nothing is mounted on or above', () => {
    const mount = { type: 'volume', source: 'data', target: '/var/lib', readOnly: false } as const;
    const volumesOf = (services: Record<string, ServiceSpec>, volumes: readonly string[]) =>
      lowered(services, image({ volumes })).desired.resources.flatMap(({ kind, spec }) => (kind === 'volume' ? [spec] : []));
    expect(volumesOf({ db: db() }, ['/cache/', '/var/lib/my-db', '/', 'wrong'])).toMatchObject([
      { name: 'db-1@cache', contents: [{ path: '/cache' }] },
      { name: 'db-1@var-lib-my--db', contents: [{ path: '/var/lib/my-db' }] },
    ]);
    expect(volumesOf({ db: db({ mounts: [mount] }) }, ['/var/lib/db']).map(({ name }) => name)).toEqual(['data']);
  });

  it('fills a volume with what the first image that has anything there has, unless the mount says not to', () => {
    const mount = { type: 'volume', source: 'data', target: '/var/lib', readOnly: false } as const;
    const contents = (...services: ServiceSpec[]) =>
      lowered(
        Object.fromEntries(services.map((each, index) => [`s${index}`, each])),
        image({}, { lowerdirs: ['/top', '/below'] }),
      ).desired.resources.flatMap(({ kind, spec }) => (kind === 'volume' ? (spec.contents ?? []) : []));
    const other = { ...mount, target: '/other' };
    expect(contents(db({ mounts: [mount] }), db({ mounts: [other], replicas: 2 }))).toEqual([
      { lowerdirs: ['/top', '/below'], path: '/var/lib' },
      { lowerdirs: ['/top', '/below'], path: '/other' },
    ]);
    expect(contents(db({ mounts: [{ ...mount, noCopy: true }] }), service({ image: { kind: 'hostRootfs' }, mounts: [mount] }))).toEqual([]);
  });
});
