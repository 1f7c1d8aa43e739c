/** A registry on loopback with images made of this machine's own files. */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run, succeeds } from './command.mjs';

const MIB = 2 ** 20;
/** A layer is made until it is big enough: one file should not make it much bigger. */
const BIGGEST_FILE = 8 * MIB;
const LAYOUT = { imageLayoutVersion: '1.0.0' };
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

/** Why there can be none here; undefined: there can. */
export async function whyNoRegistry() {
  for (const program of ['docker-registry', 'skopeo']) if (!(await succeeds(['which', program]))) return `no \`${program}\``;
  return undefined;
}

/** Debian's `docker-registry`. @param {string} directory @param {number} port */
export async function startRegistry(directory, port) {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'config.yml');
  const host = `127.0.0.1:${port}`;
  writeFileSync(
    file,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\nhttp: {addr: '${host}'}\n`,
  );
  const child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for (let tries = 0; !(await answers(host)); tries++) {
    if (child.exitCode !== null || tries > 600) throw new Error(`docker-registry doesn't listen on ${host}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    host,
    stop: async () => {
      child.kill();
      await ended;
    },
  };
}

/**
 * Layers of real files, each of at least that size. @param {string} directory where they are put
 * @param {number} count @param {number} bytes @returns {{ blob: Buffer, diffId: string, bytes: number }[]}
 */
export function makeLayers(directory, count, bytes) {
  mkdirSync(directory, { recursive: true });
  const files = filesOf('/usr/lib');
  return Array.from({ length: count }, (_, index) => {
    const list = new Set();
    for (let size = 0; size < bytes; ) {
      const { value } = files.next();
      if (value === undefined) throw new Error('there are not enough files in /usr/lib');
      // With all that lead to them, as builders write their layers.
      const parts = value.path.split('/');
      for (let depth = 1; depth <= parts.length; depth++) list.add(parts.slice(0, depth).join('/'));
      size += value.size;
    }
    const names = join(directory, `layer-${index}.list`);
    writeFileSync(names, [...list].join('\n'));
    const tar = execFileSync('tar', ['-C', '/', '--no-recursion', '-cf', '-', '-T', names], {
      maxBuffer: 1024 * MIB,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { blob: gzipSync(tar), diffId: digestOf(tar), bytes: tar.length };
  });
}

/** A layer with a program to run. @param {string} root a directory */
export function layerOf(root) {
  const tar = execFileSync('tar', ['-C', root, '--owner=0', '--group=0', '-cf', '-', '.'], { maxBuffer: 1024 * MIB });
  return { blob: gzipSync(tar), diffId: digestOf(tar), bytes: tar.length };
}

/** @param {string} directory for the layout @param {string} reference `127.0.0.1:5000/bench:one` */
export async function pushImage(directory, reference, layers) {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (content, mediaType) => {
    const digest = digestOf(content);
    writeFileSync(join(blobs, digest.slice('sha256:'.length)), content);
    return { mediaType, digest, size: content.length };
  };
  const architecture = arch() === 'x64' ? 'amd64' : arch();
  const config = { os: 'linux', architecture, config: {}, rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) } };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: put(Buffer.from(JSON.stringify(config)), CONFIG_TYPE),
    layers: layers.map(({ blob }) => put(blob, LAYER_TYPE)),
  };
  const entry = {
    ...put(Buffer.from(JSON.stringify(manifest)), MANIFEST_TYPE),
    annotations: { 'org.opencontainers.image.ref.name': 'bench' },
  };
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify(LAYOUT));
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  await run(['skopeo', 'copy', '--insecure-policy', '--dest-tls-verify=false', `oci:${directory}:bench`, `docker://${reference}`]);
}

/** Bytes on the disk. @param {string} path */
export function diskUsage(path) {
  return Number(execFileSync('du', ['-s', '--block-size=1', path], { encoding: 'utf8' }).split('\t')[0]);
}

function* filesOf(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else if (entry.isFile() && statSync(path).size <= BIGGEST_FILE) yield { path: path.slice(1), size: statSync(path).size };
  }
}

function digestOf(content) {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

async function answers(host) {
  try {
    return (await fetch(`http://${host}/v2/`)).ok;
  } catch {
    return false; // it doesn't listen yet
  }
}

/** Peak of the process and all its children, MiB. @param {string} file that `timed` has written */
export function peakOf(file) {
  return Number(readFileSync(file, 'utf8')) / 1024;
}

/** The command, with the peak of its resident memory (getrusage(2), of it or of the largest of its children) written to a file. */
export function timed(file, argv) {
  const program = `import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)`;
  return ['python3', '-c', program, file, ...argv];
}
