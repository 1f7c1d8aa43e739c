import { describe, expect, test } from 'vitest';
import { resolveTargets } from '../../../../engine/wiring/targets.ts';

const CONTAINERS = ['api-1', 'api-2', 'db-1', 'web-1', 'web-admin-1'].map((name) => ({ name, service: name.replace(/-\d+$/, '') }));
const resolve = (targets: readonly string[] | undefined, more: { services?: string[]; ignoreUnknown?: boolean } = {}) =>
  resolveTargets(CONTAINERS, targets, { stack: 'shop', ...more }).map(({ name }) => name);

describe('targets', () => {
  test.each<[string, readonly string[] | undefined, readonly string[]]>([
    ['no names are all', undefined, ['api-1', 'api-2', 'db-1', 'web-1', 'web-admin-1']],
    ['a service is all of its containers, and no others', ['web'], ['web-1']],
    ['a container goes by its short name', ['api-2'], ['api-2']],
    ['a container goes by its long name', ['shop-api-2'], ['api-2']],
    ['each is there once, in their own order', ['web-1', 'api', 'api-1'], ['api-1', 'api-2', 'web-1']],
    ['none are none', [], []],
  ])('%s', (_what, targets, expected) => {
    expect(resolve(targets)).toEqual(expected);
  });

  test('a service wins over a container of the same name', () => {
    const containers = [
      { name: 'web-1', service: 'web' },
      { name: 'web-1-1', service: 'web-1' },
    ];
    expect(resolveTargets(containers, ['web-1'], { stack: 'shop' }).map(({ name }) => name)).toEqual(['web-1-1']);
  });

  test('a service without containers is known', () => {
    expect(resolve(['worker'], { services: ['worker'] })).toEqual([]);
  });

  test.each([
    ['wbe', 'did you mean `web`?'],
    ['api-3', 'did you mean `api-1`?'],
    ['shop-web-2', 'did you mean `shop-web-1`?'],
    ['nothing-like-it', 'there are: api, db, web, web-admin, api-1, api-2, db-1, web-1, web-admin-1'],
  ])('the unknown name %s gets a hint', (name, hint) => {
    expect(() => resolve([name])).toThrow(
      expect.objectContaining({ code: 'not-found', message: `there is no service or container \`${name}\` in stack \`shop\``, hint }),
    );
  });

  test('an unknown name can be passed over', () => {
    expect(resolve(['wbe', 'db'], { ignoreUnknown: true })).toEqual(['db-1']);
  });
});
