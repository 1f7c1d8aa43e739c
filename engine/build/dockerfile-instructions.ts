/** Which instructions there are inside a stage. */
import { ownValue } from '../../dsl/own-value.ts';
import { nearest } from '../../dsl/suggest.ts';
import type { BuildPlace, BuildStep } from '../model/build.ts';
import {
  readArg,
  readCommand,
  readEnv,
  readExpose,
  readLabel,
  readMaintainer,
  readShell,
  readStopSignal,
  readUser,
  readVolume,
  readWorkdir,
} from './dockerfile-config.ts';
import { readAdd, readCopy } from './dockerfile-copy.ts';
import { didYouMean, wrong } from './dockerfile-errors.ts';
import { readHealthcheck } from './dockerfile-health.ts';
import { type ReadContext, type ReadInstruction, type StageState, simple } from './dockerfile-instruction.ts';
import { type Instruction, readDockerfile } from './dockerfile-lines.ts';
import { readRun } from './dockerfile-run.ts';

type Reader = (instruction: Instruction, context: ReadContext) => ReadInstruction;

const READERS: Readonly<Record<string, Reader>> = {
  ADD: readAdd,
  ARG: readArg,
  CMD: readCommand,
  COPY: readCopy,
  ENTRYPOINT: readCommand,
  ENV: readEnv,
  EXPOSE: readExpose,
  HEALTHCHECK: readHealthcheck,
  LABEL: readLabel,
  MAINTAINER: readMaintainer,
  ONBUILD: readOnBuild,
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readStopSignal,
  USER: readUser,
  VOLUME: readVolume,
  WORKDIR: readWorkdir,
};
/** Which an ONBUILD cannot have. */
const NO_TRIGGERS = ['FROM', 'MAINTAINER', 'ONBUILD'];

/** @throws TsstackError `usage`. */
export function readInstruction(instruction: Instruction, context: ReadContext): ReadInstruction {
  const { keyword, place } = instruction;
  const reader = ownValue(READERS, keyword);
  if (reader !== undefined) return reader(instruction, context);
  throw wrong(place, `\`${keyword}\` is no instruction`, didYouMean(nearest(keyword, [...Object.keys(READERS), 'FROM'])));
}

/** The steps that an image's ONBUILD asks of what is built on it, just after its FROM. */
export function triggeredSteps(triggers: readonly string[], state: StageState, { from, context }: TriggerOptions): readonly BuildStep[] {
  return triggers.flatMap((trigger) => {
    const { instructions } = readDockerfile(context.parser, trigger, from.file);
    return instructions.flatMap(({ place, ...instruction }) => {
      const at = { ...from, text: `ONBUILD ${place.text}` };
      if (NO_TRIGGERS.includes(instruction.keyword)) throw wrong(at, `an image cannot ask for \`${instruction.keyword}\``);
      const { make, uses } = readInstruction({ ...instruction, place: at }, context);
      // Which stages are built first was settled before the image was known.
      if (uses.length > 0) throw wrong(at, 'an ONBUILD of an image cannot use a stage of this file');
      return make(state) ?? [];
    });
  });
}

interface TriggerOptions {
  readonly from: BuildPlace;
  readonly context: ReadContext;
}

/** Kept as written; it is read now only to tell at once what is wrong with it. */
function readOnBuild(instruction: Instruction, context: ReadContext): ReadInstruction {
  const { rest, heredocs, place } = instruction;
  const [, keyword = '', triggered = ''] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  if (NO_TRIGGERS.includes(keyword.toUpperCase())) throw wrong(place, `\`ONBUILD ${keyword.toUpperCase()}\` is not allowed`);
  if (rest !== '') readInstruction({ keyword: keyword.toUpperCase(), rest: triggered, heredocs, place }, context);
  const trigger = [rest, ...heredocs.map(({ content, name }) => `${content}${name}`)].join('\n');
  return simple(instruction, (state) => {
    state.onBuild = [...state.onBuild, trigger];
    return { place, do: 'config', change: { onBuild: state.onBuild } };
  });
}
