/** FROM, and what a stage may refer to (Dockerfile reference, "FROM" and "Multi-stage builds"). */
import { ownValue } from '../../dsl/own-value.ts';
import { nearest } from '../../dsl/suggest.ts';
import { formatPlatform, type Platform, parsePlatform, platformFits } from '../codec/image-platform.ts';
import { parseReference } from '../codec/image-reference.ts';
import type { BuildPlace, CopyOrigin, StageParent } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';
import { didYouMean, wrong } from './dockerfile-errors.ts';
import { readFlags } from './dockerfile-flags.ts';
import type { Instruction } from './dockerfile-lines.ts';
import { expand } from './words.ts';

/** A FROM and what follows it, up to the next. */
export interface StageText {
  readonly from: Instruction;
  readonly name: string | undefined;
  readonly parent: StageParent;
  readonly instructions: readonly Instruction[];
}

export interface StageOptions {
  readonly escapeChar: string;
  readonly globalArgs: Readonly<Record<string, string | undefined>>;
  /** What is built for. */
  readonly platform: Platform;
  readonly contexts: ReadonlySet<string>;
}

/** `instructions`: from the first FROM on. */
export function splitStages(instructions: readonly Instruction[], options: StageOptions): readonly StageText[] {
  const stages: (StageText & { instructions: Instruction[] })[] = [];
  for (const instruction of instructions) {
    if (instruction.keyword === 'FROM') stages.push({ ...readFrom(instruction, stages, options), instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function readFrom(
  from: Instruction,
  before: readonly StageText[],
  { escapeChar, globalArgs, platform, contexts }: StageOptions,
): Omit<StageText, 'instructions'> {
  const { place } = from;
  const flags = readFlags(from, { platform: 'value' }, escapeChar);
  const variable = (name: string) => ownValue(globalArgs, name);
  const replace = (text: string) => {
    try {
      return expand(text, { escapeChar, variable });
    } catch (error) {
      throw wrong(place, error instanceof Error ? error.message : String(error));
    }
  };
  const [written = '', as, name, ...more] = flags.rest.split(/\s+/);
  if (written === '' || more.length > 0 || (as !== undefined && (as.toUpperCase() !== 'AS' || name === undefined))) {
    throw wrong(place, '`FROM` is written `FROM image` or `FROM image AS name`');
  }
  if (name !== undefined) checkName(name, before, place);
  const image = replace(written);
  if (image === '') throw wrong(place, `\`${written}\` is empty`, 'only an `ARG` before the first `FROM` has a value here');
  if (contexts.has(image))
    throw wrong(place, `\`${image}\` is a named context: files can be copied from it, but an image cannot be built on it`);
  checkPlatform(replace(flags.value('platform') ?? formatPlatform(platform)), platform, place);
  return { from, name: name?.toLowerCase(), parent: parentOf(image, before, place) };
}

function checkName(name: string, before: readonly StageText[], place: BuildPlace): void {
  const lower = name.toLowerCase();
  if (!/^[a-z][a-z0-9_.-]*$/.test(lower))
    throw wrong(place, `\`${name}\` is no name of a stage: a letter, then letters, digits, \`_\`, \`.\`, \`-\``);
  if (before.some((stage) => stage.name === lower)) throw wrong(place, `there is a stage \`${lower}\` already`);
}

/** A step of a build is run here, so what it is built for has to run here. */
function checkPlatform(text: string, platform: Platform, place: BuildPlace): void {
  const wanted = parsePlatform(text);
  if (wanted === undefined) throw wrong(place, `\`${text}\` is no platform such as \`linux/amd64\``);
  if (!platformFits(wanted, platform)) {
    throw wrong(place, `images for \`${text}\` cannot be built here: this machine is \`${formatPlatform(platform)}\``);
  }
}

function parentOf(image: string, before: readonly StageText[], place: BuildPlace): StageParent {
  if (image === 'scratch') return { kind: 'scratch' };
  const stage = before.findIndex(({ name }) => name === image.toLowerCase());
  if (stage >= 0) return { kind: 'stage', stage };
  return { kind: 'image', image: { kind: 'reference', reference: checkReference(image, place) } };
}

/** What `--from=` of the stage with this index names: a named context, a stage before it by name or number, or an image. */
export function originOf(name: string, place: BuildPlace, { stages, index, contexts }: OriginOptions): CopyOrigin {
  if (name.includes('$'))
    throw wrong(place, `\`${name}\`: variables are not replaced here`, 'give the image a stage: `FROM image:$VERSION AS name`');
  if (contexts.has(name)) return { kind: 'named-context', name };
  const named = stages.findIndex((stage) => stage.name === name.toLowerCase());
  const stage = named < 0 && /^\d+$/.test(name) ? Number(name) : named;
  if (stage >= 0 && stage < index) return { kind: 'stage', stage };
  if (named === index) throw wrong(place, `\`${name}\` is the stage itself`);
  if (named > index) throw wrong(place, `the stage \`${name}\` comes after this one`);
  if (stage >= 0) throw wrong(place, `there is no stage ${name} before this one: the first is 0`);
  return { kind: 'image', image: { kind: 'reference', reference: checkReference(name, place) } };
}

export interface OriginOptions {
  readonly stages: readonly StageText[];
  /** Of the stage that asks. */
  readonly index: number;
  readonly contexts: ReadonlySet<string>;
}

/** Index of the stage that is the image. */
export function targetStage(target: string | undefined, stages: readonly StageText[], file: string): number {
  if (target === undefined) return stages.length - 1;
  const named = stages.findIndex(({ name }) => name === target.toLowerCase());
  const stage = named < 0 && /^\d+$/.test(target) ? Number(target) : named;
  if (stage >= 0 && stage < stages.length) return stage;
  const names = stages.flatMap(({ name }) => name ?? []);
  throw new TsstackError(`cannot build target \`${target}\` of \`${file}\`: it has no such stage`, {
    code: 'usage',
    hint: didYouMean(nearest(target, names)) ?? (names.length === 0 ? undefined : `its stages are \`${names.join('`, `')}\``),
  });
}

function checkReference(image: string, place: BuildPlace): string {
  try {
    parseReference(image);
    return image;
  } catch (error) {
    if (error instanceof TsstackError) throw wrong(place, error.message, error.hint);
    throw error;
  }
}
