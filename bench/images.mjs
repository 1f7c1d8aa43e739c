/** Pulling from a registry on loopback, and containers of images with many layers. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.mjs';
import { diskUsage, layerOf, makeLayers, peakOf, pushImage, startRegistry, timed, whyNoRegistry } from './registry.mjs';
import { image as rootfsImage } from './sides.mjs';
import { median } from './statistics.mjs';

const MIB = 2 ** 20;
const PORT = 5117;
const ms = (value) => ({ value, unit: 'ms' });
const mib = (bytes) => ({ value: bytes / MIB, unit: 'MiB' });

export async function images({ sides, runs, project, base, say }) {
  const title = `images from a registry on loopback, medians of ${runs}`;
  const why = await whyNoRegistry();
  if (why) return { title, rows: [{ image: { cannot: why } }] };
  const registry = await startRegistry(join(base, 'registry'), PORT);
  try {
    return {
      title,
      rows: [...(await pulls({ sides, runs, base, registry, say })), ...(await warmUps({ sides, runs, project, base, registry, say }))],
    };
  } finally {
    await registry.stop();
  }
}

async function pulls({ sides, runs, base, registry, say }) {
  say('six layers of 50 MB each');
  const layers = makeLayers(join(base, 'layers'), 7, 50 * MIB);
  const [six, other] = [layers.slice(0, 6), [...layers.slice(0, 5), layers[6]]];
  const references = { six: `${registry.host}/bench:six`, other: `${registry.host}/bench:other` };
  await pushImage(join(base, 'six'), references.six, six);
  await pushImage(join(base, 'other'), references.other, other);
  const bytes = six.reduce((sum, layer) => sum + layer.bytes, 0);
  const first = { image: `${Math.round(bytes / MIB)} MiB in 6 layers: pull` };
  const second = { image: 'another, sharing 5 of them: pull' };
  const disk = { image: '  … what it adds on the disk' };
  const peak = { image: '  … peak memory of the largest process, of the first' };
  for (const side of sides) {
    say(`pulls of ${side.name}`);
    const puller = side.name === 'tsstack' ? tsstackPuller(side, base) : dockerPuller();
    const taken = { first: [], second: [], disk: [], peak: [] };
    for (let i = 0; i < runs; i++) {
      await puller.forget();
      const { ms: firstMs, peakMiB } = await puller.pull(references.six);
      const before = puller.disk();
      taken.first.push(firstMs);
      if (peakMiB !== undefined) taken.peak.push(peakMiB);
      taken.second.push((await puller.pull(references.other)).ms);
      taken.disk.push(puller.disk() - before);
    }
    await puller.forget();
    first[side.name] = ms(median(taken.first));
    second[side.name] = ms(median(taken.second));
    disk[side.name] = mib(median(taken.disk));
    peak[side.name] = taken.peak.length > 0 ? { value: median(taken.peak), unit: 'MiB' } : '';
  }
  return [first, second, disk, peak, await oneBigLayer({ side: sides[0], base, registry, say })];
}

/** Memory must not grow with the layer. */
async function oneBigLayer({ side, base, registry, say }) {
  say('one layer of 300 MB');
  const reference = `${registry.host}/bench:big`;
  await pushImage(join(base, 'big'), reference, makeLayers(join(base, 'big-layer'), 1, 300 * MIB));
  const puller = tsstackPuller(side, base);
  await puller.forget();
  const { peakMiB } = await puller.pull(reference);
  await puller.forget();
  return { image: 'one layer of 300 MB: peak memory', [side.name]: { value: peakMiB, unit: 'MiB' } };
}

function tsstackPuller(side, base) {
  const directory = join(base, 'pull');
  const state = join(base, 'pull-state');
  const peak = join(base, 'peak');
  const env = { ...side.env, TSSTACK_STATE_DIR: state, TSSTACK_REGISTRIES: '' };
  return {
    forget: async () => rmSync(state, { recursive: true, force: true }),
    disk: () => diskUsage(state),
    pull: async (reference) => {
      mkdirSync(directory, { recursive: true });
      const stack = { name: 'pull', services: { web: { image: reference, command: ['true'] } } };
      writeFileSync(
        join(directory, 'stack.config.ts'),
        `import { defineStack } from 'tsstack';\nexport default defineStack(${JSON.stringify(stack)});\n`,
      );
      // Once for the loader's cache: it is the pull that is measured.
      await run([...side.command, 'check'], { cwd: directory, env });
      const result = await run(timed(peak, [...side.command, 'pull']), { cwd: directory, env });
      return { ms: result.ms, peakMiB: peakOf(peak) };
    },
  };
}

function dockerPuller() {
  const root = () => dockerRoot;
  let dockerRoot = '';
  const references = new Set();
  return {
    forget: async () => {
      dockerRoot ||= (await run(['docker', 'info', '--format', '{{.DockerRootDir}}'])).stdout.trim();
      for (const reference of references) await run(['docker', 'image', 'rm', '--force', reference]);
      references.clear();
    },
    disk: () => diskUsage(root()),
    pull: async (reference) => {
      references.add(reference);
      return { ms: (await run(['docker', 'pull', '--quiet', reference])).ms, peakMiB: undefined };
    },
  };
}

/** `up` of one container, with everything there: of a directory, and of an image of twelve layers, whose lowest has the same files. */
async function warmUps({ sides, runs, project, base, registry, say }) {
  const directory = project('warm', { web: {} });
  const layered = project('warm-layers', { web: {} });
  const reference = `${registry.host}/bench:twelve`;
  const small = Array.from({ length: 11 }, (_, index) => {
    const root = join(base, `small-${index}`);
    mkdirSync(join(root, 'srv'), { recursive: true });
    writeFileSync(join(root, 'srv', `file-${index}`), 'x'.repeat(index));
    return layerOf(root);
  });
  cpSync(join(directory, 'rootfs'), join(base, 'twelve-root'), { recursive: true });
  await pushImage(join(base, 'twelve'), reference, [layerOf(join(base, 'twelve-root')), ...small]);
  const [side] = sides;
  say('containers of a directory and of twelve layers');
  const command = ['/bin/busybox', 'httpd', '-f', '-p', '80', '-h', '/www'];
  const stack = { name: 'bench', services: { web: { image: reference, command } } };
  writeFileSync(
    join(layered, 'stack.config.ts'),
    `import { defineStack } from 'tsstack';\nexport default defineStack(${JSON.stringify(stack)});\n`,
  );
  const times = { plain: [], layers: [] };
  for (const where of [directory, layered]) {
    await side.up(where);
    await side.down(where);
  }
  for (let i = 0; i < runs * 3; i++) {
    times.plain.push(await side.up(directory));
    await side.down(directory);
    times.layers.push(await side.up(layered));
    await side.down(layered);
  }
  const [plain, layers] = [median(times.plain), median(times.layers)];
  return [
    { image: `up of a directory (${rootfsImage})`, [side.name]: ms(plain) },
    { image: 'up of an image of 12 layers, pulled before', [side.name]: ms(layers) },
    { image: '  … more than of a directory', [side.name]: { value: (layers / plain - 1) * 100, unit: '%' } },
  ];
}
