import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Session } from '../../../../engine/wiring/session.ts';
import { superviseContainers } from '../../../../engine/wiring/supervisor.ts';

it('does not wait for a container that was never finished: nobody will end it', async () => {
  const containers = mkdtempSync(join(tmpdir(), 'tsstack-supervisor-'));
  mkdirSync(join(containers, 'db-1'));
  writeFileSync(join(containers, 'db-1', 'record.json'), JSON.stringify({ version: 1, restart: { policy: 'always' } }));
  const session = { paths: { containers }, bootId: 'boot' } as unknown as Session;
  const restarted: string[] = [];
  await superviseContainers(session, ['db-1', 'gone-1'], {
    signal: new AbortController().signal,
    onEvent: () => undefined,
    restart: async (name) => void restarted.push(name),
  });
  expect(restarted).toEqual([]);
  rmSync(containers, { recursive: true });
});
