import { expect, test } from 'vitest';
import { stackIdentity } from '../../../../engine/plan/names.ts';
import { Session } from '../../../../engine/wiring/session.ts';

test('a launcher that has ended, whoever asked for it, is not the one that the next command gets', async () => {
  const host = { stateDirectory: '/nonexistent', runDirectory: '/nonexistent' };
  await using session = new Session({ stack: stackIdentity('shop', '/srv/shop', undefined), host, launcher: '/bin/false' });
  const { launcher } = session;
  expect(session.launcher).toBe(launcher);
  await launcher.ended;
  expect(session.launcher).not.toBe(launcher);
});
