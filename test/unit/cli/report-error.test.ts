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
