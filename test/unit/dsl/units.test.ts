import { expect, it } from 'vitest';
import { formatIpv4, parseCidr, parseIpv4 } from '../../../dsl/ipv4.ts';
import { splitCommand } from '../../../dsl/shell-split.ts';
import { editDistance, nearest } from '../../../dsl/suggest.ts';
import { parseDuration, parseSize } from '../../../dsl/units.ts';

it.each<[string | number, number | undefined]>([
  [0, 0],
  ['512MiB', 536_870_912],
  ['1.5GiB', 1_610_612_736],
  ['100MB', 100_000_000],
  ['100 kB', 100_000],
  ['64m', 67_108_864],
  ['2G', 2_147_483_648],
  ['300k', 307_200],
  ['10b', 10],
  ['10', 10],
  ['', undefined],
  ['-1m', undefined],
  ['1.m', undefined],
  ['1e3', undefined],
  ['9999999TB', undefined],
  [1.5, undefined],
  [-1, undefined],
  [Number.NaN, undefined],
])('the size %j is %j bytes', (written, bytes) => {
  expect(parseSize(written)).toBe(bytes);
});

it.each<[string | number, number | undefined]>([
  [250, 250],
  ['500ms', 500],
  ['1m30s', 90_000],
  ['1.5s', 1500],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
  ['0', 0],
  ['10', undefined],
  ['1 m', undefined],
  ['m', undefined],
  ['', undefined],
  [-1, undefined],
  [Number.POSITIVE_INFINITY, undefined],
])('the duration %j is %j ms', (written, ms) => {
  expect(parseDuration(written)).toBe(ms);
});

it.each<[string, string[]]>([
  ['a b  c', ['a', 'b', 'c']],
  [`a'b c'd`, ['ab cd']],
  [`"a \\"b\\" \\n $x"`, ['a "b" \\n $x']],
  [`'' ""`, ['', '']],
  ['a\\ b \\\\', ['a b', '\\']],
  ['a \\\n b', ['a', 'b']],
  ['  ', []],
])('the command %j is split as a shell does', (text, words) => {
  expect(splitCommand(text)).toEqual({ words });
});

it.each(['"a', "a 'b", 'a\\'])('the command %j cannot be split', (text) => {
  expect(splitCommand(text)).toHaveProperty('error');
});

it.each<[string, string, number]>([
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
  ['ca', 'abc', 3],
])('from %j to %j it is %j edits', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
});

it('suggests the nearest name only when it is near', () => {
  expect(nearest('bakc', ['front', 'back'])).toBe('back');
  expect(nearest('storage', ['front', 'back'])).toBeUndefined();
  expect(nearest('DB', ['db'])).toBe('db');
});

it.each<[string, string | undefined]>([
  ['10.0.0.1', '10.0.0.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['256.0.0.1', undefined],
  ['10.0.0', undefined],
  ['10.0.0.1.', undefined],
  ['10.0.0.01', undefined],
  ['1.2.3.4.5', undefined],
])('the address %j is %j', (text, address) => {
  const value = parseIpv4(text);
  expect(value === undefined ? undefined : formatIpv4(value)).toBe(address);
});

it('reads a network with host bits as the network it is in', () => {
  const range = parseCidr('192.168.7.9/23');
  expect([formatIpv4(range?.first ?? 0), formatIpv4(range?.last ?? 0)]).toEqual(['192.168.6.0', '192.168.7.255']);
  expect([parseCidr('10.0.0.0/33'), parseCidr('10.0.0.0'), parseCidr('10.0.0.0/'), parseCidr('10.0.0.0/8/8')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
