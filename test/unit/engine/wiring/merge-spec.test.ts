import { expect, test } from 'vitest';
import type { ServiceSpec, StackSpec } from '../../../../dsl/spec.ts';
import { mergeSpec } from '../../../../engine/wiring/merge-spec.ts';

/** Told apart by its image alone. */
const service = (image: string) => ({ image }) as unknown as ServiceSpec;
const stack = (services: Record<string, ServiceSpec>, networks: Record<string, unknown> = {}) =>
  ({ name: 'shop', services, networks, volumes: {} }) as unknown as StackSpec;

test('when all is brought up, what was before counts for nothing', () => {
  const declared = stack({ web: service('new') });
  expect(mergeSpec(stack({ web: service('old'), db: service('old') }), declared, undefined)).toBe(declared);
});

test('what was brought up before stays as it was declared then, and what never was isn’t brought up', () => {
  const before = stack({ web: service('old'), db: service('old') }, { back: {} });
  const declared = stack({ cache: service('new'), db: service('new'), web: service('new') }, { front: {} });
  const merged = mergeSpec(before, declared, ['web']);
  expect(merged.services).toEqual({ db: service('old'), web: service('new') });
  expect(merged.networks).toEqual({ back: {}, front: {} });
});

test('a service that is no longer declared is wanted no more', () => {
  const merged = mergeSpec(stack({ web: service('old'), gone: service('old') }), stack({ web: service('new') }), ['web']);
  expect(merged.services).toEqual({ web: service('new') });
});

test('the first time only those are wanted that were chosen', () => {
  expect(mergeSpec(undefined, stack({ web: service('new'), db: service('new') }), ['db']).services).toEqual({ db: service('new') });
});
