/** `COPY --chown`: names are those of the image that is built. */
import { TsstackError } from '../model/errors.ts';
import type { Owner } from './copy-step-write.ts';

interface Users {
  /** The text of its /etc/passwd and /etc/group. */
  readonly passwd: string;
  readonly groupFile: string;
}

/**
 * @param owner `user`, `uid`, `user:group` … A name without a group has the group it has there, a number itself as its group.
 * @throws TsstackError `image` if there is no such user or group.
 */
export function resolveOwner(owner: string, { passwd, groupFile }: Users): Owner {
  const [user = '', group] = owner.split(':');
  const entry = isId(user) ? undefined : fieldsOf(passwd, user);
  const uid = isId(user) ? Number(user) : Number(entry?.[2] ?? unknown('user', user));
  if (group === undefined || group === '') return { uid, gid: entry === undefined ? uid : Number(entry[3]) };
  return { uid, gid: isId(group) ? Number(group) : Number(fieldsOf(groupFile, group)?.[2] ?? unknown('group', group)) };
}

function isId(text: string): boolean {
  return /^\d+$/.test(text);
}

function fieldsOf(file: string, name: string): readonly string[] | undefined {
  return file
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name && name !== '');
}

function unknown(what: 'user' | 'group', name: string): never {
  throw new TsstackError(`the image has no ${what} \`${name}\``, { code: 'image', hint: `create it in a step before, or give its number` });
}
