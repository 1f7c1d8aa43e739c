/** One line of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly mountId: number;
  readonly parentId: number;
  /** `major:minor` of files on it. */
  readonly device: string;
  /** What of the filesystem is mounted: `/` unless it is a bind mount of a part. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** `shared:7`, `master:3`, … Empty: private. */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Mounts in the order of the file: a later one hides an earlier one on the same mount point. Lines it does not understand are left out. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const entry = parseLine(line);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/** Mount points at or below `path`, nearest first. */
export function mountsUnder(entries: readonly MountEntry[], path: string): string[] {
  const prefix = path.endsWith('/') ? path : `${path}/`;
  return entries.map((entry) => entry.mountPoint).filter((point) => point === path || point.startsWith(prefix));
}

/** The optional fields (propagation) have no fixed number: a lone `-` ends them. */
function parseLine(line: string): MountEntry | undefined {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [mountId, parentId, device, root, mountPoint, options] = fields;
  const [type, source, superOptions] = separator < 0 ? [] : fields.slice(separator + 1);
  if (device === undefined || root === undefined || mountPoint === undefined || options === undefined) return undefined;
  if (type === undefined || source === undefined) return undefined;
  return {
    mountId: Number(mountId),
    parentId: Number(parentId),
    device,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: options.split(','),
    propagation: fields.slice(6, separator),
    type,
    source: unescapeOctal(source),
    superOptions: (superOptions ?? '').split(',').filter((option) => option !== ''),
  };
}

/** Space, tab, newline, backslash and `#` come as `\040` and the like (fs/seq_file.c, mangle_path); other bytes are UTF-8 as they are. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
