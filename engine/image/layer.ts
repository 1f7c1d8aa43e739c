/** Layers of our own making, shared by all stacks. */
import fs from 'node:fs';

/** Where programs are looked for in an image that doesn't say. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The layer's directory. It is filled beside its place and renamed into it: whenever it is there it is whole. */
export function makeLayer(imagesDirectory: string, name: string, fill: (directory: string) => void): string {
  const layer = `${imagesDirectory}/${name}`;
  if (fs.existsSync(layer)) return layer;
  fs.mkdirSync(imagesDirectory, { recursive: true, mode: 0o711 });
  const unfinished = fs.mkdtempSync(`${layer}.`);
  fs.chmodSync(unfinished, 0o755);
  fill(unfinished);
  try {
    fs.renameSync(unfinished, layer);
  } catch (error) {
    fs.rmSync(unfinished, { recursive: true });
    // Another process was faster, and made the same.
    if (!['EEXIST', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return layer;
}

/** Whatever the umask, as `makeFile`: users of a container look into it. */
export function makeDirectory(directory: string, mode: number): void {
  fs.mkdirSync(directory, { recursive: true });
  fs.chmodSync(directory, mode);
}

export function makeFile(file: string, content: string): void {
  fs.writeFileSync(file, content);
  fs.chmodSync(file, 0o644);
}
