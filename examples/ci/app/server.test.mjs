import { equal } from 'node:assert/strict';
import { test } from 'node:test';

const server = process.env.SERVER ?? 'http://127.0.0.1:3000';

test('adds two numbers', async () => {
  equal(await (await fetch(`${server}/sum?a=2&b=3`)).text(), '5');
});

test('refuses what is no number', async () => {
  equal((await fetch(`${server}/sum?a=2&b=x`)).status, 400);
});
