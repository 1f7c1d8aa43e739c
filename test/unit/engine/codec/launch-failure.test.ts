import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { launchError } from '../../../../engine/codec/launch-failure.ts';

const { errno } = constants;

test.each([
  [
    { stage: 'exec', errno: errno.ENOENT, detail: 'nginx' },
    'cannot start container `web-1`: command `nginx` not found in the container',
    undefined,
  ],
  [
    { stage: 'sysctl', errno: errno.ENOENT, detail: 'net/core/somaxconn' },
    'cannot start container `web-1`: sysctl `net/core/somaxconn` failed with ENOENT',
    /userns: 'host'/,
  ],
  [
    { stage: 'mount_setattr', errno: errno.ENOSYS, detail: '/srv' },
    'cannot start container `web-1`: mount_setattr `/srv` failed with ENOSYS',
    /Linux 5\.12/,
  ],
  [
    { stage: 'clone3', errno: errno.EPERM, detail: 'new namespaces' },
    'cannot start container `web-1`: clone3 `new namespaces` failed with EPERM',
    /user namespaces/,
  ],
] as const)('%o says what to do', (failure, message, hint) => {
  const error = launchError('start', 'web-1', failure);
  expect(error.message).toBe(message);
  if (hint === undefined) expect(error.hint).toBeUndefined();
  else expect(error.hint).toMatch(hint);
});
