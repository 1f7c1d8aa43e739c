import { expect, test } from 'vitest';
import { exitCodeOf, renderError } from '../../../cli/report-error.ts';
import { type ErrorCode, TsstackError } from '../../../engine/model/errors.ts';

const plain = { debug: false, color: false };

test('an error says what, why and what to do', () => {
  const error = new TsstackError('cannot create link `ts-front-3f9a1c`', {
    code: 'kernel',
    hint: 'try `modprobe bridge`',
    cause: new Error('RTM_NEWLINK failed with EOPNOTSUPP', { cause: new Error('no such module') }),
  });
  expect(renderError(error, plain)).toBe(
    'error: cannot create link `ts-front-3f9a1c`\n  cause: RTM_NEWLINK failed with EOPNOTSUPP\n  cause: no such module\n  hint: try `modprobe bridge`\n',
  );
});

test('a cause that the error already tells is not told again', () => {
  const error = new TsstackError('cannot read `x`: EACCES', { code: 'permission', cause: new Error('EACCES') });
  expect(renderError(error, plain)).toBe('error: cannot read `x`: EACCES\n');
});

test('a mistake in the stack file is told in its own words, whoever found it', () => {
  const error = new TsstackError('1 thing is wrong', { code: 'invalid-stack-file', cause: new Error('TSError') });
  expect(renderError(error, plain)).toBe('error: 1 thing is wrong\n');
});

test('all errors of an aggregate are told, and a circle of causes ends', () => {
  const circle = new Error('first');
  circle.cause = new AggregateError([new Error('second'), circle, 'third'], 'several');
  expect(renderError(new TsstackError('no', { code: 'kernel', cause: circle }), plain)).toBe(
    'error: no\n  cause: first\n  cause: several\n  cause: second\n  cause: third\n',
  );
});

test('a stack trace is for --debug only, and a fault of our own says so', () => {
  const fault = new TypeError('x is not a function');
  expect(renderError(fault, plain)).toBe(
    'error: something unexpected happened: x is not a function\n  hint: this is a fault of tsstack; `--debug` shows where it happened\n',
  );
  expect(renderError(fault, { debug: true, color: false })).toContain('report-error.test.ts');
});

test.each([
  ["EACCES: permission denied, scandir '/var/lib/tsstack'", 'cannot scandir `/var/lib/tsstack`: permission denied', 'run it with sudo'],
  ['ENOSPC: no space left on device, write', 'cannot write: no space left on device', 'the disk is full'],
  ["EROFS: read-only file system, copyfile '/a' -> '/b'", 'cannot copyfile `/a`: read-only file system', 'is the filesystem read-only?'],
])('what the system refuses is no fault of tsstack: %s', (said, told, hint) => {
  const error = Object.assign(new Error(said), { code: said.split(':')[0] });
  expect(renderError(error, plain)).toContain(`error: ${told}\n  hint: ${hint}`);
  expect(exitCodeOf(error, 125)).toBe(125);
});

test('a directory that cannot be made is told as what it nearly always is', () => {
  const error = Object.assign(new Error("ENOENT: no such file or directory, mkdir '/ro/x'"), { code: 'ENOENT', syscall: 'mkdir' });
  expect(renderError(error, plain)).toContain('cannot mkdir `/ro/x`: no such file or directory\n  hint: is the filesystem read-only?');
});

test('failures of several steps are told each with its own hint', () => {
  const failures = [
    new TsstackError('job `seed-1` exited with code 3', { code: 'service-failed', hint: 'see its logs' }),
    new TsstackError('cannot start `a-1`', { code: 'launch', cause: new Error('EINVAL') }),
  ];
  const both = new TsstackError(failures.map(({ message }) => message).join('\n'), {
    code: 'service-failed',
    hint: 'see its logs',
    cause: new AggregateError(failures),
  });
  expect(renderError(both, plain)).toBe(
    'error: job `seed-1` exited with code 3\n  hint: see its logs\nerror: cannot start `a-1`\n  cause: EINVAL\n',
  );
});

test('several things in the way are several errors', () => {
  expect(renderError(new TsstackError('port 80 is taken\nport 81 is taken', { code: 'obstacle' }), plain)).toBe(
    'error: port 80 is taken\nerror: port 81 is taken\n',
  );
});

test.each<[ErrorCode, number]>([
  ['usage', 2],
  ['invalid-stack-file', 2],
  ['wait-timed-out', 17],
  ['service-failed', 18],
  ['cancelled', 130],
  ['kernel', 1],
  ['obstacle', 1],
])('an error of kind %s ends with %i', (code, expected) => {
  expect(exitCodeOf(new TsstackError('x', { code }))).toBe(expected);
});

test('a command with a failure code of its own keeps 2 for the user’s mistakes', () => {
  expect(exitCodeOf(new TsstackError('x', { code: 'launch' }), 125)).toBe(125);
  expect(exitCodeOf(new Error('x'), 125)).toBe(125);
  expect(exitCodeOf(new TsstackError('x', { code: 'usage' }), 125)).toBe(2);
});
