import type { BuildPlace } from '../model/build.ts';
import { TsstackError } from '../model/errors.ts';

const LONGEST = 80;

/** What is wrong with an instruction: where it is, what it is, why. */
export function wrong(place: BuildPlace, why: string, hint?: string): TsstackError {
  return new TsstackError(`cannot read \`${shorten(place.text)}\` at \`${place.file}:${place.line}\`: ${why}`, { code: 'usage', hint });
}

export function didYouMean(suggestion: string | undefined): string | undefined {
  return suggestion === undefined ? undefined : `did you mean \`${suggestion}\`?`;
}

function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
