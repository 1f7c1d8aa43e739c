import { lstatSync, readlinkSync } from 'node:fs';
import { posix, relative } from 'node:path';
import type { SyncChange } from '../../engine/model/sync.ts';
import type { FollowedRule } from './followed.ts';

/** What has to be done in a container for these paths of the host, by what is there now: what happened to them doesn't matter. */
export function syncChanges({ rule, root, kind }: FollowedRule, paths: Iterable<string>): readonly SyncChange[] {
  const { target } = rule;
  if (target === undefined) return [];
  // A directory comes before what is in it.
  return [...paths].sort().flatMap((path): SyncChange[] => {
    const below = relative(root, path);
    const place = below === '' ? target : posix.join(target, below);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // A whole directory of rules that is gone is more likely about to come back (a branch is switched) than meant to be emptied everywhere.
    if (stat === undefined) return below === '' && kind !== 'file' ? [] : [{ kind: 'remove', target: place }];
    const mode = stat.mode & 0o777;
    if (stat.isDirectory()) return [{ kind: 'directory', target: place, mode }];
    if (stat.isSymbolicLink()) return [{ kind: 'symlink', target: place, to: readlinkSync(path) }];
    // Sockets, pipes and devices are no content.
    return stat.isFile() ? [{ kind: 'file', target: place, source: path, mode }] : [];
  });
}
