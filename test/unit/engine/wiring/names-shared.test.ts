import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NamedMember, NameTable } from '../../../../engine/model/names.ts';
import { forgetSharedNames, SharedNames } from '../../../../engine/wiring/names-shared.ts';
import { until } from '../../../support/until.ts';

const KEY = 'shop-3f9a1c2e/front';
let runDirectory: string;
let opened: SharedNames[];
let notices: string[];
beforeEach(() => {
  runDirectory = mkdtempSync(join(tmpdir(), 'tsstack-names-'));
  opened = [];
  notices = [];
});
afterEach(() => {
  for (const one of opened) one[Symbol.dispose]();
  rmSync(runDirectory, { recursive: true });
});

const web: NamedMember = { container: 'web-1', names: ['shop-web-1', 'web'], addresses: ['10.1.0.2'] };
const tool: NamedMember = { container: 'tool-1', names: ['tools-tool-1', 'tool'], addresses: ['10.1.0.9'] };
const everybody = () => true;

function supervisorOf(id: string): SharedNames {
  const one = new SharedNames({ host: { runDirectory }, stack: { id }, onNotice: (message) => notices.push(message) });
  opened.push(one);
  return one;
}

function tableOf(network: string, members: readonly NamedMember[]): NameTable {
  return { networks: { [network]: { listen: [], members, shared: KEY } }, clients: {} };
}
const NOTHING_SHARED: NameTable = { networks: { front: { listen: [], members: [web], shared: undefined } }, clients: {} };

const sees = (who: SharedNames, expected: unknown) =>
  until('it is seen', () => JSON.stringify(who.foreign), { holds: (seen) => seen === JSON.stringify(expected) });

test('stacks on one network see who runs of the others, each by its own name for it', async () => {
  const shop = supervisorOf('shop-3f9a1c2e');
  const tools = supervisorOf('tools-5b1f0a77');
  shop.publish(tableOf('front', [web]), everybody);
  tools.publish(tableOf('shops', [tool]), everybody);
  await sees(tools, { shops: [web] });
  await sees(shop, { front: [tool] });
  tools.publish(tableOf('shops', [tool]), () => false);
  await sees(shop, { front: [] });
  expect(notices).toEqual([]);
});

test('what others say stays the same object until it changes', () => {
  const shop = supervisorOf('shop-3f9a1c2e');
  shop.publish(tableOf('front', [web]), everybody);
  expect(shop.foreign).toBe(shop.foreign);
});

test('a stack that shares no more, or is taken down, leaves nothing, and the last one not even the directory', async () => {
  const shop = supervisorOf('shop-3f9a1c2e');
  const tools = supervisorOf('tools-5b1f0a77');
  shop.publish(tableOf('front', [web]), everybody);
  tools.publish(tableOf('shops', [tool]), everybody);
  await sees(shop, { front: [tool] });
  tools.publish({ networks: {}, clients: {} }, everybody);
  await sees(shop, { front: [] });
  tools.publish(tableOf('shops', [tool]), everybody);
  await sees(shop, { front: [tool] });
  forgetSharedNames({ host: { runDirectory }, stack: { id: 'tools-5b1f0a77' } });
  await sees(shop, { front: [] });
  expect(readdirSync(`${runDirectory}/names`)).toEqual(['shop-3f9a1c2e@front']);
  shop.publish(NOTHING_SHARED, everybody);
  expect(existsSync(`${runDirectory}/names`)).toBe(false);
});

test('a supervisor that ends leaves what it has said: its containers go on', () => {
  const shop = supervisorOf('shop-3f9a1c2e');
  shop.publish(tableOf('front', [web]), everybody);
  shop[Symbol.dispose]();
  const tools = supervisorOf('tools-5b1f0a77');
  tools.publish(tableOf('shops', [tool]), everybody);
  expect(tools.foreign).toEqual({ shops: [web] });
});

test('a file that is no file of ours is told, and the others count', () => {
  const shop = supervisorOf('shop-3f9a1c2e');
  shop.publish(tableOf('front', [web]), everybody);
  writeFileSync(`${runDirectory}/names/shop-3f9a1c2e@front/broken.json`, '{');
  const tools = supervisorOf('tools-5b1f0a77');
  tools.publish(tableOf('shops', [tool]), everybody);
  expect(tools.foreign).toEqual({ shops: [web] });
  expect(notices).toEqual([expect.stringContaining('broken.json')]);
});
