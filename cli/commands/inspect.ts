import type { ContainerDetail } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import { defineCommand } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { hostImages } from '../host-images.ts';
import { withRunningEngine } from '../with-engine.ts';

export const inspect = defineCommand({
  name: 'inspect',
  summary: 'print all that is known of images or containers, as JSON',
  usage: 'IMAGE|CONTAINER…',
  options: {},
  words: { min: 1, max: Number.POSITIVE_INFINITY },
  details: `A list, in the order asked for. CONTAINER: one of this stack (web-1, or a service for all of its own). IMAGE: a reference, or the
beginning of a digest. A container's document holds its environment: whoever sees it sees the secrets in that.`,
  async run(_given, words, context) {
    const containers = await containersOf(words, context);
    const images = await hostImages(context.paths);
    const documents: unknown[] = [];
    for (const word of words) {
      const found = containers.filter((each) => [each.name, each.fullName, each.service].includes(word));
      documents.push(...(found.length > 0 ? found : await images.inspect([word], context.interrupts.signal)));
    }
    context.terminal.out.write(`${JSON.stringify(documents, null, 2)}\n`);
    return 0;
  },
});

/** What has a tag, a digest or a path can only be an image: no stack file is needed for it. */
async function containersOf(words: readonly string[], context: CommandContext): Promise<readonly ContainerDetail[]> {
  if (words.every((word) => /[:/@]/.test(word))) return [];
  try {
    return await withRunningEngine(context, (engine) => engine.inspect());
  } catch (error) {
    // Outside of any stack there are images all the same.
    if (error instanceof TsstackError && error.code === 'not-found') return [];
    throw error;
  }
}
