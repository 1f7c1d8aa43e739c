import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../../cli/arguments.ts';
import { COMMANDS } from '../../../cli/commands.ts';
import { TsstackError } from '../../../engine/model/errors.ts';

const NOW = Date.UTC(2026, 10, 22, 20, 0, 0);
const parse = (...argv: string[]) => parseArguments(argv, COMMANDS, NOW);
function failure(...argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (error instanceof TsstackError) return [error.code, error.message, error.hint].join(' | ');
    throw error;
  }
  throw new Error('was accepted');
}

describe('global options', () => {
  test('may stand before the command or after it', () => {
    for (const argv of [
      ['-C', 'dir', '--json', 'ps'],
      ['ps', '-C', 'dir', '--json'],
      ['-C', 'dir', 'ps', '--json'],
    ]) {
      expect(parse(...argv).global).toMatchObject({ directory: 'dir', json: true, debug: false });
    }
  });

  test('give way to an option of the command with the same letter', () => {
    const { given, global } = parse('-f', 'other.ts', 'logs', '-f');
    expect(given).toMatchObject({ follow: true });
    expect(global.file).toBe('other.ts');
    expect(parse('up', '-f', 'x.ts').global.file).toBe('x.ts');
    expect(parse('logs', '--file', 'x.ts').global.file).toBe('x.ts');
  });

  test('that may be repeated keep all values', () => {
    expect(parse('up', '--profile', 'a', '--profile=b').global.profile).toEqual(['a', 'b']);
  });
});

describe('a command', () => {
  test('gets its flags, false if not given, its values and its words', () => {
    const { given, words } = parse('up', '-d', 'web', '--wait-timeout', '1m30s', 'api');
    expect(given).toMatchObject({ detach: true, wait: false, 'wait-timeout': 90_000 });
    expect(words).toEqual(['web', 'api']);
  });

  test('named exec leaves everything after the container to the command it runs', () => {
    const { given, words } = parse('exec', '-T', '-e', 'A=1', 'web', 'ls', '-T', '--json', '--', '-x');
    expect(given).toMatchObject({ 'no-tty': true, env: ['A=1'] });
    expect(words).toEqual(['web', 'ls', '-T', '--json', '--', '-x']);
    expect(parse('exec', 'web', '--', 'ls', '-l').words).toEqual(['web', 'ls', '-l']);
  });

  test('takes short options in one', () => {
    expect(parse('logs', '-ft').given).toMatchObject({ follow: true, timestamps: true });
  });

  test('can be asked for help without its arguments', () => {
    expect(parse('exec', '--help').global.help).toBe(true);
    expect(parse('exec', '-h').command?.name).toBe('exec');
  });
});

test('a command line without a command asks for help, or for the version', () => {
  expect(parse().command).toBeUndefined();
  expect(parse('--version')).toMatchObject({ command: undefined, version: true });
});

test.each([
  [['dwon'], 'usage | unknown command `dwon` | did you mean `tsstack down`?'],
  [['rm'], 'usage | unknown command `rm` | `tsstack down` removes the stack; volumes stay'],
  [['frobnicate'], 'usage | unknown command `frobnicate` | see `tsstack help`'],
  [['up', '--detahc'], 'usage | unknown option `--detahc` of `tsstack up` | did you mean `--detach`?'],
  [['up', '-x'], 'usage | unknown option `-x` of `tsstack up` | see `tsstack help up`'],
  [['--jsno', 'ps'], 'usage | unknown option `--jsno` | did you mean `--json`?'],
  [['up', '--toString'], 'usage | unknown option `--toString` of `tsstack up` | see `tsstack help up`'],
  [['up', '--detach=yes'], 'usage | option `--detach` takes no value | '],
  [['down', '--timeout'], 'usage | option `--timeout` needs a value: `--timeout SECONDS` | '],
  [['down', '-t', 'soon'], 'usage | invalid value `soon` for `-t`: it must be seconds (`10`) or a duration (`1m30s`, `500ms`) | '],
  [['exec', 'web'], 'usage | `tsstack exec` needs more arguments | usage: `tsstack exec SERVICE|CONTAINER [--] COMMAND [ARGUMENT…]`'],
  [['down', 'web'], 'usage | unexpected argument `web` of `tsstack down` | usage: `tsstack down`'],
  [['exec', '--index', '1.5', 'web', 'ls'], 'usage | invalid value `1.5` for `--index`: it must be a whole number | '],
])('%j is refused, and says what is right', (argv, expected) => {
  expect(failure(...argv)).toBe(expected);
});

test.each([
  ['10m', NOW - 600_000],
  ['1d2h', NOW - 93_600_000],
  ['2026-11-22T19:00:00Z', NOW - 3_600_000],
  ['2026-11-22T20:00:00+01:00', NOW - 3_600_000],
])('--since %s is a moment', (text, expected) => {
  expect(parse('logs', '--since', text).given).toMatchObject({ since: expected });
});

test.each(['yesterday', '2026-13-45', '10'])('--since %s is none', (text) => {
  expect(failure('logs', '--since', text)).toContain('it must be a time');
});
