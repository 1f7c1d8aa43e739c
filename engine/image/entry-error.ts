import { getSystemErrorMap } from 'node:util';
import { TsstackError } from '../model/errors.ts';
import { hintForErrno } from '../store/store-error.ts';

/** These stages say in their detail what is wrong; of others, it is what they were tried on. */
const TELLING = ['header', 'input', 'path', 'owner', 'name'];

/** Of an `error` frame of the launcher's `unpack` and `pack`: the values after that word. */
export function entryError([path = '', stage = 'launcher', errno = '0', detail = '']: readonly string[]): TsstackError {
  const [name, message] = getSystemErrorMap().get(-Number(errno)) ?? [`errno ${errno}`, 'failed'];
  const entry = path === '' ? '' : `entry \`${path}\`: `;
  const why = TELLING.includes(stage) ? `${detail} (${name})` : `${stage} \`${detail}\`: ${message} (${name})`;
  return new TsstackError(`${entry}${why}`, { code: 'image', hint: hintForErrno(name) });
}
