/** Images made with umoci and pushed with skopeo: not by our own writers. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeBusyboxRootfs } from './busybox-rootfs.ts';

const run = promisify(execFile);

/** Those of these programs that aren't installed. */
export function missingPrograms(names: readonly string[]): string[] {
  return names.filter((name) => {
    try {
      execFileSync('which', [name], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
}

export interface ImageLayout {
  /** `layout:tag` for umoci and, after `oci:`, for skopeo. */
  readonly image: string;
  /** Runs in the unpacked image; what it changes is a layer. */
  layer(script: string): void;
  /** A layer with one file, which takes no unpacking. */
  insert(path: string, content: string): void;
  /** As of `umoci config`. */
  config(...options: string[]): void;
  /** Not in one go: the registry's log goes to a pipe of this process, which must be read meanwhile. */
  push(reference: string): Promise<void>;
}

/** An image whose first layer is a busybox. */
export function busyboxImage(directory: string): ImageLayout {
  mkdirSync(directory, { recursive: true });
  const layout = join(directory, 'layout');
  const image = `${layout}:image`;
  const umoci = (...args: string[]): void => {
    execFileSync('umoci', args, { stdio: 'pipe' });
  };
  umoci('init', '--layout', layout);
  umoci('new', '--image', image);
  const change = (act: (rootfs: string) => void): void => {
    const bundle = join(directory, 'bundle');
    umoci('unpack', '--image', image, bundle);
    act(join(bundle, 'rootfs'));
    umoci('repack', '--image', image, bundle);
    rmSync(bundle, { recursive: true });
  };
  change((rootfs) => {
    makeBusyboxRootfs(rootfs);
    writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nworker:x:1234:1235::/:/bin/sh\n');
    writeFileSync(join(rootfs, 'etc/group'), 'root:x:0:\nworker:x:1235:\n');
  });
  return {
    image,
    layer: (script) => change((rootfs) => execFileSync('sh', ['-ec', script], { cwd: rootfs, stdio: 'pipe' })),
    insert(path, content) {
      const file = join(directory, 'inserted');
      writeFileSync(file, content);
      umoci('insert', '--image', image, file, path);
    },
    config: (...options) => umoci('config', '--image', image, ...options),
    async push(reference) {
      await run('skopeo', ['copy', '--dest-tls-verify=false', `oci:${image}`, `docker://${reference}`]);
    },
  };
}
