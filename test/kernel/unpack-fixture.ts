/** Archives into directories through the launcher alone, and what the tree is then, told by Debian's python3. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { decodeFrames } from '../../engine/codec/launcher-frames.ts';

export const LAUNCHER = resolve(import.meta.dirname, '../../dist/native/tsstack-launcher');

export interface UnpackFixture {
  readonly directory: string;
  /** Into a directory of that name; the launcher's frames. */
  unpack(
    name: string,
    archive: Buffer,
  ): { readonly frames: readonly (readonly string[])[]; readonly root: string; readonly code: number | null };
  close(): void;
}

export function openUnpackFixture(): UnpackFixture {
  if (!existsSync(LAUNCHER)) throw new Error(`${LAUNCHER} is missing: make -C native/launcher`);
  const directory = mkdtempSync(join(tmpdir(), 'tsstack-unpack-'));
  return {
    directory,
    unpack(name, archive) {
      const root = join(directory, name, 'fs');
      mkdirSync(root, { recursive: true });
      const result = spawnSync(LAUNCHER, ['unpack', root], { input: archive, maxBuffer: 1 << 28 });
      return { frames: decodeFrames(result.stdout).frames, root, code: result.status };
    },
    close() {
      // Some are too deep for anything else.
      execFileSync(LAUNCHER, ['remove', directory]);
      if (existsSync(directory)) rmSync(directory, { recursive: true });
    },
  };
}

const LIST = `
import os, sys, json, hashlib
root = sys.argv[1].encode()
found = {}
names_of = {}
for directory, names, files in os.walk(root):
  for path in [os.path.join(directory, name) for name in files]:
    s = os.lstat(path)
    names_of.setdefault((s.st_dev, s.st_ino), []).append(os.path.relpath(path, root).decode('utf8', 'replace'))
for directory, names, files in os.walk(root):
  for name in [b''] + names + files:
    path = os.path.join(directory, name) if name else directory
    if name == b'' and directory != root: continue
    s = os.lstat(path)
    kind = s.st_mode >> 12
    entry = [oct(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns]
    same = sorted(names_of.get((s.st_dev, s.st_ino), []))
    if kind == 0o10: entry += [s.st_size, 1 if len(same) == 1 else '%d=%s' % (len(same), same[0]), hashlib.sha256(open(path, 'rb').read()).hexdigest()]
    if kind == 0o12: entry += [os.readlink(path).decode('utf8', 'replace')]
    if kind in (0o2, 0o6): entry += [os.major(s.st_rdev), os.minor(s.st_rdev)]
    for x in sorted(os.listxattr(path, follow_symlinks=False)):
      entry.append(x + '=' + os.getxattr(path, x, follow_symlinks=False).hex())
    found[os.path.relpath(path, root).decode('utf8', 'replace')] = ' '.join(map(str, entry))
json.dump(found, sys.stdout)
`;

/** Path → mode, owner, mtime in ns, and of a file size, its names here (how many, and the first of several) and content, then extended attributes. */
export function listTree(root: string): Readonly<Record<string, string>> {
  return JSON.parse(execFileSync('python3', ['-c', LIST, root], { encoding: 'utf8', maxBuffer: 1 << 28 })) as Record<string, string>;
}
