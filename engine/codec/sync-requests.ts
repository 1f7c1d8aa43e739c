/** What `tsstack-launcher receive` is asked and answers (`native/launcher/PROTOCOL.md`). */
import { getSystemErrorName } from 'node:util';
import type { ProcessIdentity } from '../model/container.ts';
import { TsstackError } from '../model/errors.ts';
import type { LaunchSpec } from '../model/launch.ts';
import type { SyncChange } from '../model/sync.ts';

/** What is made belongs to the user of the container's own process, who is to read it. */
export function receiveArguments({ uid, gid, capabilities }: LaunchSpec, init: ProcessIdentity): string[] {
  const mask = capabilities.reduce((all, capability) => all | (1n << BigInt(capability)), 0n);
  return ['receive', String(init.pid), String(init.startTime), String(uid), String(gid), mask.toString(16)];
}

/** Strings of a frame. `size`: of the content that follows a file's. */
export function syncRequest(change: SyncChange, size = 0): readonly string[] {
  switch (change.kind) {
    case 'file':
      return ['file', change.target, change.mode.toString(8), String(size)];
    case 'directory':
      return ['directory', change.target, change.mode.toString(8)];
    case 'symlink':
      return ['symlink', change.target, change.to];
    case 'remove':
      return ['remove', change.target];
  }
}

/** All `error` and `refused` answers in one error. `sent`: the requests, by their numbers. */
export function syncFailure(container: string, answers: readonly (readonly string[])[], sent: readonly SyncChange[]): TsstackError {
  const failures = answers.map(([word = '', number = '', stage = '', errno = '', detail = '']) => {
    const change = word === 'error' ? sent[Number(number)] : undefined;
    const name = Number(errno) > 0 ? getSystemErrorName(-Number(errno)) : errno;
    const what =
      change === undefined
        ? `sync into container \`${container}\``
        : `${VERBS[change.kind]} \`${change.target}\` in container \`${container}\``;
    const why = REASONS[name] ?? `${stage} \`${detail}\` failed with ${name}`;
    return { message: `cannot ${what}: ${why}`, hint: hintOf(name) };
  });
  return new TsstackError([...new Set(failures.map(({ message }) => message))].join('\n'), {
    code: 'kernel',
    hint: failures.find(({ hint }) => hint !== undefined)?.hint,
  });
}

const VERBS: { readonly [K in SyncChange['kind']]: string } = {
  file: 'write',
  directory: 'make directory',
  symlink: 'make symbolic link',
  remove: 'remove',
};

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'the filesystem there is read-only (EROFS)',
  ENOSPC: 'no space is left there (ENOSPC)',
  EACCES: 'permission denied (EACCES)',
  EPERM: 'not permitted (EPERM)',
  EBUSY: 'something is mounted there (EBUSY)',
  EINVAL: 'it must be an absolute path below `/`, without `..` (EINVAL)',
  EEXIST: 'a symbolic link on its way leads nowhere (EEXIST)',
  ELOOP: 'symbolic links lead in a circle, or out of the container (ELOOP)',
  ENOTDIR: 'a part of its path is no directory (ENOTDIR)',
};

function hintOf(errno: string): string | undefined {
  if (errno === 'EROFS') return 'sync to a path on a volume or tmpfs, or leave `readOnly` out for this service';
  if (errno === 'EACCES' || errno === 'EPERM') return "the container's root is who writes: `capDrop` may have taken that from it";
  if (errno === 'EBUSY')
    return 'a file that is bind-mounted can be watched, but not replaced: bind its directory, or sync without the bind';
  if (errno === 'ESRCH') return 'it has ended: `tsstack ps` shows why';
  return undefined;
}
