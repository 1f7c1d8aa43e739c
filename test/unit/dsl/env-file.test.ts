import { expect, it } from 'vitest';
import { parseEnvFile } from '../../../dsl/env-file.ts';

it.each<[string, Record<string, string>]>([
  ['', {}],
  ['A=1\nB = two words \r\nexport C=3', { A: '1', B: 'two words', C: '3' }],
  ['# comment\n\n  # another\nA=x # not of it\nB=x#of it\nC=# nothing', { A: 'x', B: 'x#of it', C: '' }],
  [`A='a "b" \\n # c'\nB="d\\ne \\"f\\" # g" # comment`, { A: 'a "b" \\n # c', B: 'd\ne "f" # g' }],
  ['A="first\nsecond"\nB=2', { A: 'first\nsecond', B: '2' }],
  ['A: yaml\nB=a=b', { A: 'yaml', B: 'a=b' }],
  ['A=\nB=""\nALONE\nC=1', { A: '', B: '', C: '1' }],
  ['A=1\nA=2', { A: '2' }],
  ['A=$HOME', { A: '$HOME' }],
  ['\uFEFFA=1\n# last', { A: '1' }],
])('%j is read as Compose does', (text, values) => {
  expect(parseEnvFile(text)).toEqual({ values });
});

it.each([
  ['A=1\nnot a variable', 'line 2 is not `NAME=value`'],
  ['=1', 'line 1 is not `NAME=value`'],
  ['A="1\n', 'line 1: the quote of `A` is not closed, or something follows it'],
  ["\nA='1' 2", 'line 2: the quote of `A` is not closed, or something follows it'],
])('%j tells the line that is wrong', (text, error) => {
  expect(parseEnvFile(text)).toEqual({ error });
});
