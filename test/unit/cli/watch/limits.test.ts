import { expect, test } from 'vitest';
import { watchError } from '../../../../cli/watch/limits.ts';

const error = (code: string) => Object.assign(new Error(`${code}: no`), { code, path: '/p/src' });

test.each([
  ['ENOSPC', 'max_user_watches', '8192', 'sysctl fs.inotify.max_user_watches=524288'],
  ['ENOSPC', 'max_user_watches', '1000000', 'sysctl fs.inotify.max_user_watches=4000000'],
  ['EMFILE', 'max_user_instances', '128', 'sysctl fs.inotify.max_user_instances=1024'],
])('%s names the limit, what it is, and how to raise it', (code, name, value, hint) => {
  const told = watchError(error(code), (asked) => `${asked === name ? value : 'another'}`);
  expect(told.message).toContain(`cannot watch \`/p/src\``);
  expect(told.message).toContain(`\`fs.inotify.${name}\` is ${value}`);
  expect(told.hint).toContain(hint);
});

test('the limit of this host is read', () => {
  expect(watchError(error('ENOSPC')).message).toMatch(/`fs\.inotify\.max_user_watches` is \d+/);
});

test('another error is told as it is', () => {
  expect(watchError(error('EACCES'))).toMatchObject({ message: 'cannot watch `/p/src`: EACCES: no', hint: undefined });
});
