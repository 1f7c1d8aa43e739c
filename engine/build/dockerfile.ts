/** Dockerfiles: the reference's language, read into a graph of stages. https://docs.docker.com/reference/dockerfile/ */
import { formatPlatform, type Platform } from '../codec/image-platform.ts';
import type { BuildGraph, BuildStage, BuildStep, ParentConfig } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import { argumentsIn } from './dockerfile-config.ts';
import { wrong } from './dockerfile-errors.ts';
import { expander, type ReadContext, type ReadInstruction, type StageState, stateOf } from './dockerfile-instruction.ts';
import { readInstruction, triggeredSteps } from './dockerfile-instructions.ts';
import { type Instruction, loadAstParser, readDockerfile } from './dockerfile-lines.ts';
import { originOf, type StageText, splitStages, targetStage } from './dockerfile-stages.ts';

export interface DockerfileOptions {
  /** Shown to people. */
  readonly file: string;
  /** Name or number of a stage. Undefined: the last. */
  readonly target: string | undefined;
  /** Build arguments. */
  readonly args: Readonly<Record<string, string>>;
  /** Of this machine, for which is built. */
  readonly platform: Platform;
  /** Names of the contexts beside the main one. */
  readonly contexts: Iterable<string>;
  /** Ids of the secrets that steps can be given. */
  readonly secrets: Iterable<string>;
}

/** Arguments that are always there and need no ARG. Docker has them in no cache key, and so does this. */
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);

/** @throws TsstackError `usage`, with the line and the instruction. */
export async function parseDockerfile(text: string, options: DockerfileOptions): Promise<BuildGraph> {
  const parser = await loadAstParser();
  const { instructions, escapeChar, syntax } = readDockerfile(parser, text, options.file);
  const first = instructions.findIndex(({ keyword }) => keyword === 'FROM');
  if (first < 0) throw withoutFrom(instructions, options.file);
  const globals = readGlobals(instructions.slice(0, first), escapeChar, options);
  const contexts = new Set(options.contexts);
  const stages = splitStages(instructions.slice(first), { escapeChar, globalArgs: globals, platform: options.platform, contexts });
  const declared = declaredIn(instructions, escapeChar);
  const proxies = Object.fromEntries(
    PROXIES.flatMap((name) => {
      const value = options.args[name];
      return value === undefined || declared.has(name) ? [] : [[name, value]];
    }),
  );
  const shared = { parser, escapeChar, givenArgs: options.args, globalArgs: globals, proxies, secrets: new Set(options.secrets) };
  /** By stage, the arguments at its end: stages built on it begin with them. */
  const argsAtEnd: StageState['args'][] = [];
  return {
    stages: stages.map((stage, index) => {
      const context: ReadContext = { ...shared, originOf: (name, place) => originOf(name, place, { stages, index, contexts }) };
      return buildStage(stage, { index, context, argsAtEnd });
    }),
    target: targetStage(options.target, stages, options.file),
    notices: [...syntaxNotices(syntax, options.file), ...unusedNotices(declared, options)],
  };
}

function buildStage(
  { from, name, parent, instructions }: StageText,
  { index, context, argsAtEnd }: { readonly index: number; readonly context: ReadContext; readonly argsAtEnd: StageState['args'][] },
): BuildStage {
  const read = instructions.map((instruction): ReadInstruction => readInstruction(instruction, context));
  const parentStage = parent.kind === 'stage' ? [parent.stage] : [];
  const uses = [...new Set([...parentStage, ...read.flatMap((each) => each.uses)])].sort((a, b) => a - b);
  const steps = (base: ParentConfig): readonly BuildStep[] => {
    const state = stateOf(base, inherited(parent, argsAtEnd));
    const triggered = triggeredSteps(base.onBuild, state, { from: from.place, context });
    // What the base asked for is done; it asks no more of what is built on this.
    const done: BuildStep[] = base.onBuild.length > 0 ? [{ place: from.place, do: 'config', change: { onBuild: [] } }] : [];
    const own = read.flatMap(({ make }) => make(state) ?? []);
    argsAtEnd[index] = state.args;
    return [...done, ...triggered, ...own];
  };
  return { name, base: parent, place: from.place, uses, steps };
}

/** A stage's steps are asked for when its base is known, hence after those of a stage that is its base. */
function inherited(parent: StageText['parent'], argsAtEnd: readonly StageState['args'][]): StageState['args'] {
  if (parent.kind !== 'stage') return {};
  const args = argsAtEnd[parent.stage];
  if (args === undefined) throw new Error(`the steps of stage ${parent.stage} were not asked for before those of a stage built on it`);
  return args;
}

/** ARG before the first FROM, and what the platform gives (Dockerfile reference, "Automatic platform ARGs in the global scope"). */
function readGlobals(
  instructions: readonly Instruction[],
  escapeChar: string,
  { args, platform }: DockerfileOptions,
): Readonly<Record<string, string | undefined>> {
  const globals: Record<string, string | undefined> = {};
  for (const side of ['BUILD', 'TARGET']) {
    globals[`${side}PLATFORM`] = formatPlatform(platform);
    globals[`${side}OS`] = platform.os;
    globals[`${side}ARCH`] = platform.architecture;
    globals[`${side}VARIANT`] = platform.variant ?? '';
  }
  for (const instruction of instructions) {
    const { keyword, place } = instruction;
    if (keyword !== 'ARG') throw wrong(place, 'only `ARG` can stand before the first `FROM`');
    const state = stateOf({ environment: {}, workingDir: '/', user: undefined, shell: undefined, onBuild: [] }, globals);
    const expand = expander(state, { place, escapeChar });
    const declared = argumentsIn(instruction, escapeChar);
    if (declared.length === 0) throw wrong(place, '`ARG` needs an argument');
    for (const { name, value } of declared) globals[name] = args[name] ?? (value === undefined ? globals[name] : expand(value));
  }
  return globals;
}

function declaredIn(instructions: readonly Instruction[], escapeChar: string): ReadonlySet<string> {
  const args = instructions.filter(({ keyword }) => keyword === 'ARG');
  return new Set(args.flatMap((instruction) => argumentsIn(instruction, escapeChar).map(({ name }) => name)));
}

function unusedNotices(declared: ReadonlySet<string>, { args, file }: DockerfileOptions): readonly string[] {
  const unused = Object.keys(args).filter((name) => !declared.has(name) && !PROXIES.includes(name));
  return unused.sort().map((name) => `build argument \`${name}\` is not used: \`${file}\` has no \`ARG ${name}\``);
}

/** Docker would fetch another parser for it. */
function syntaxNotices(syntax: string | undefined, file: string): readonly string[] {
  if (syntax === undefined || /^(?:docker\.io\/)?docker\/dockerfile(?:[:@]|$)/.test(syntax)) return [];
  return [`\`# syntax=${syntax}\` of \`${file}\` is not used: it is read as any Dockerfile`];
}

function withoutFrom(instructions: readonly Instruction[], file: string): TsstackError {
  const [first] = instructions;
  if (first === undefined) return new TsstackError(`cannot build \`${file}\`: it is empty`, { code: 'usage' });
  return new TsstackError(`cannot build \`${file}\`: it has no \`FROM\``, { code: 'usage', hint: 'its first instruction is `FROM image`' });
}
