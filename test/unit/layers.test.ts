/** Holds the table of rooms in ARCHITECTURE.md against the code: who may import whom, no cycles, names that say something. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** `anyNode`: rooms that touch the machine may use all of Node. A name with `type ` before it may be imported for its types only. */
interface Room {
  readonly folder: string;
  readonly may: readonly string[];
  readonly anyNode?: true;
}

/** Most specific first: a file is in the first room that holds it. `engine/model` holds the error class, so rooms import it for more than types. */
const rooms: readonly Room[] = [
  { folder: 'dsl', may: ['zod', 'node:path'] },
  { folder: 'engine/model', may: ['type dsl'] },
  // Codecs are pure, and a desired object holds what is to be written in the kernel's own words. `node:os` is for `constants.signals` alone.
  { folder: 'engine/plan', may: ['dsl', 'engine/model', 'engine/codec', 'node:crypto', 'node:os'] },
  { folder: 'engine/codec', may: ['dsl', 'engine/model', 'node:crypto', 'node:path', 'node:net', 'node:util', 'native/abi'] },
  { folder: 'native/abi', may: [] },
  { folder: 'native/ffi', may: ['koffi', 'native/abi', 'engine/model'], anyNode: true },
  { folder: 'native/netlink', may: ['native/abi', 'native/ffi', 'engine/model'] },
  { folder: 'engine/kernel', may: ['type dsl', 'engine/model', 'engine/codec', 'native'], anyNode: true },
  { folder: 'engine/image', may: ['type dsl', 'engine/model', 'engine/codec', 'engine/store', 'fzstd'], anyNode: true },
  {
    folder: 'engine/build',
    may: ['dsl', 'engine/model', 'engine/codec', 'engine/store', 'engine/image', 'dockerfile-ast', '@balena/dockerignore'],
    anyNode: true,
  },
  { folder: 'engine/store', may: ['type dsl', 'engine/model', 'engine/codec', 'native/ffi'], anyNode: true },
  { folder: 'engine/apply', may: ['engine/model', 'node:timers/promises'] },
  { folder: 'engine/supervise', may: ['type dsl', 'engine/model'], anyNode: true },
  { folder: 'engine/names', may: ['engine/model', 'dns-packet'], anyNode: true },
  { folder: 'engine/control', may: ['type dsl', 'engine/model'], anyNode: true },
  { folder: 'engine', may: ['dsl', 'engine', 'native'], anyNode: true },
  {
    folder: 'cli',
    may: ['dsl', 'engine/index', 'engine/model', 'engine/plan/render', '@dagrejs/dagre', 'chokidar', 'listr2', 'typescript', 'ts-node'],
    anyNode: true,
  },
  { folder: 'examples', may: ['tsstack'], anyNode: true },
  { folder: 'stack.config.ts', may: ['tsstack'] },
];

const topLevel = [
  'package.json tsconfig.json stack.config.ts dsl engine native cli examples test bench docs README.md ARCHITECTURE.md LICENSE',
  'bin scripts package-lock.json biome.json knip.json tsconfig.types.json vitest.config.ts node_modules dist',
].flatMap((line) => line.split(' '));

/** They say that something is there, never what. */
const emptyWords = new Set(['manager', 'helper', 'helpers', 'util', 'utils', 'handler', 'common', 'misc', 'base', 'info']);

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const root = new URL('../..', import.meta.url).pathname;
const sources = ['dsl', 'engine', 'native', 'cli', 'examples']
  .flatMap(filesBelow)
  .filter((file) => /\.(ts|mts|cts|js|mjs|cjs)$/.test(file));
if (existsSync(join(root, 'stack.config.ts'))) sources.push('stack.config.ts');
const imports = sources.flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')));

describe('layers', () => {
  test('each room imports only what its row of the table allows', () => {
    expect(imports.map(violation).filter(Boolean)).toEqual([]);
  });

  test('no file imports itself by way of others', () => {
    expect(findCycle(imports)).toBeUndefined();
  });

  test('planning takes no more of node:os than constants', () => {
    const found = sources.filter((file) => file.startsWith('engine/plan/')).map((file) => readFileSync(join(root, file), 'utf8'));
    expect(found.filter((text) => /from 'node:os'/.test(text) && !/import \{ constants \} from 'node:os'/.test(text))).toEqual([]);
  });

  test('only native/ffi knows koffi', () => {
    const users = imports.filter(({ to }) => to === 'koffi').map(({ from }) => from);
    expect(users.filter((file) => !file.startsWith('native/ffi/'))).toEqual([]);
  });

  test('planning knows no time, chance, waiting or output', () => {
    const impure =
      /\b(async |await |Date\.now|new Date|performance\.|Math\.random|random(UUID|Bytes|Int)\b|console\.|setTimeout\b|process\.(env|pid|cwd|argv|std))/;
    const found = sources
      .filter((file) => file.startsWith('engine/plan/'))
      .flatMap((file) => {
        const match = impure.exec(withoutComments(readFileSync(join(root, file), 'utf8')).replace(/'[^'\n]*'/g, "''"));
        return match ? [`${file}: ${match[0]}`] : [];
      });
    expect(found).toEqual([]);
  });
});

describe('names', () => {
  test('nothing but the known is at the top level', () => {
    const unknown = readdirSync(root).filter((name) => !name.startsWith('.') && !topLevel.includes(name));
    expect(unknown).toEqual([]);
  });

  test('no file or type has a name that says nothing', () => {
    const files = [...sources, ...filesBelow('test')].filter((file) =>
      words(file.replace(/\.\w+$/, '')).some((word) => emptyWords.has(word)),
    );
    const types = sources.flatMap((file) => {
      const text = withoutComments(readFileSync(join(root, file), 'utf8'));
      return [...text.matchAll(/\b(?:interface|class|type) ([A-Z]\w*)/g)]
        .map((match) => match[1] ?? '')
        .filter((name) => words(name).some((word) => emptyWords.has(word)))
        .map((name) => `${file}: ${name}`);
    });
    expect([...files, ...types]).toEqual([]);
  });

  test('each example has a test', () => {
    const examples = existsSync(join(root, 'examples')) ? readdirSync(join(root, 'examples')) : [];
    const tests = filesBelow('test/e2e').map((file) => readFileSync(join(root, file), 'utf8'));
    expect(examples.filter((name) => !tests.some((text) => text.includes(`examples/${name}`)))).toEqual([]);
  });
});

describe('the reader of imports', () => {
  test('sees static, type-only, re-exported, lazy and required ones, and none in comments', () => {
    const text = `import a from '../dsl/a.ts';
import type { B } from './b.ts';
import { type C, type D } from './c.ts';
import {
  e,
} from 'zod';
export * from './f.ts';
// import g from './g.ts';
/* await import('./h.ts') */
const i = await import('node:fs');
const j = require('koffi');
import './k.ts';`;
    expect(importsOf('cli/x.ts', text).map(({ to, typeOnly }) => `${typeOnly ? 'type ' : ''}${to}`)).toEqual([
      'dsl/a.ts',
      'type cli/b.ts',
      'type cli/c.ts',
      'zod',
      'cli/f.ts',
      'cli/k.ts',
      'node:fs',
      'koffi',
    ]);
  });

  test('finds a cycle and names the way round', () => {
    const edge = (from: string, to: string): Import => ({ from, to, typeOnly: false });
    expect(findCycle([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')])).toBe('b → c → b');
    expect(findCycle([edge('a', 'b'), edge('a', 'c'), edge('b', 'c')])).toBeUndefined();
  });
});

function violation({ from, to, typeOnly }: Import): string | undefined {
  const room = rooms.find(({ folder }) => within(from, folder));
  if (room === undefined) return `${from} is in no room`;
  if (within(to, room.folder)) return undefined;
  if (to.startsWith('node:') && room.anyNode) return undefined;
  const allowed = room.may.some((row) => (row.startsWith('type ') ? typeOnly && within(to, row.slice(5)) : within(to, row)));
  return allowed ? undefined : `${from} imports ${to}`;
}

function within(path: string, room: string): boolean {
  return path === room || path.startsWith(`${room}/`) || path.startsWith(`${room}.`);
}

function importsOf(file: string, source: string): Import[] {
  const text = withoutComments(source);
  const found: Import[] = [];
  const add = (specifier: string | undefined, typeOnly: boolean) => {
    if (specifier === undefined) return;
    const to = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;
    found.push({ from: file, to, typeOnly });
  };
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s)?([^;'"]*?from\s+)?['"]([^'"]+)['"]/gm)) {
    const names = /\{([^}]*)\}/
      .exec(match[2] ?? '')?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '');
    const allTypes = names !== undefined && names.length > 0 && names.every((name) => name.trim().startsWith('type '));
    add(match[3], match[1] !== undefined || allTypes);
  }
  for (const match of text.matchAll(/(typeof )?\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g)) add(match[2], match[1] !== undefined);
  return found;
}

/** Strings stay as they are: `'// not a comment'` and URLs must not open one. */
function withoutComments(source: string): string {
  return source.replace(
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, string) => string ?? '',
  );
}

function findCycle(edges: readonly Import[]): string | undefined {
  const next = new Map<string, Import[]>();
  for (const edge of edges) next.set(edge.from, [...(next.get(edge.from) ?? []), edge]);
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' → ');
    if (done.has(file)) return undefined;
    for (const { to } of next.get(file) ?? []) {
      const cycle = visit(to, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function words(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
}

function filesBelow(directory: string): string[] {
  if (!existsSync(join(root, directory))) return [];
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extname(entry.name) !== '')
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((file) => !file.includes('/fixtures/') && !file.includes('node_modules'));
}
