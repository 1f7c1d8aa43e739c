import type { ResolvedImage } from '../model/facts.ts';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/**
 * `user`, `uid`, `user:group`, `uid:gid` against the image's passwd and group files, by Docker's rules: a known user brings its
 * group and the groups that list it; with an explicit group only that one. `unknownUser` has refused unknown names before.
 */
export function resolveUser(user: string | undefined, image: Pick<ResolvedImage, 'passwd' | 'groupFile'>): ResolvedUser {
  const [userPart = '0', groupPart] = (user ?? '0').split(':');
  const entry = findUser(userPart, image.passwd);
  const uid = entry?.uid ?? Number(userPart);
  if (groupPart !== undefined && groupPart !== '') {
    return { uid, gid: findGroup(groupPart, image.groupFile) ?? Number(groupPart), additionalGids: [] };
  }
  return { uid, gid: entry?.gid ?? 0, additionalGids: entry ? groupsOf(entry, image.groupFile) : [] };
}

/** Why a `user` cannot be resolved; undefined: it can. */
export function unknownUser(user: string | undefined, image: Pick<ResolvedImage, 'passwd' | 'groupFile'>): string | undefined {
  if (user === undefined) return undefined;
  const [userPart = '', groupPart] = user.split(':');
  if (!isId(userPart) && !findUser(userPart, image.passwd)) return `the image has no user \`${userPart}\``;
  if (groupPart !== undefined && groupPart !== '' && !isId(groupPart) && findGroup(groupPart, image.groupFile) === undefined) {
    return `the image has no group \`${groupPart}\``;
  }
  return undefined;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

function isId(text: string): boolean {
  return /^\d+$/.test(text);
}

function findUser(user: string, passwd: string): PasswdEntry | undefined {
  for (const line of passwd.split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    if ((name === user && name !== '') || (isId(user) && uid === user)) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function findGroup(group: string, groupFile: string): number | undefined {
  for (const line of groupFile.split('\n')) {
    const [name = '', , gid = ''] = line.split(':');
    if (name === group && name !== '') return Number(gid);
  }
  return undefined;
}

function groupsOf({ name, gid }: PasswdEntry, groupFile: string): number[] {
  const result = new Set<number>([gid]);
  for (const line of groupFile.split('\n')) {
    const [, , id = '', members = ''] = line.split(':');
    if (members.split(',').includes(name)) result.add(Number(id));
  }
  return [...result].sort((a, b) => a - b);
}
