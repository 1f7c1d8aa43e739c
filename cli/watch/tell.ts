/** What watching says: a line or two about each change, NDJSON with `--json`. */
import type { UpResult } from '../../engine/model/engine.ts';
import { TsstackError } from '../../engine/model/errors.ts';
import type { CommandContext } from '../context.ts';
import { count, formatDuration } from '../format.ts';
import { causeOf, groupSteps, outcome } from '../progress/groups.ts';
import { renderError } from '../report-error.ts';
import { paint } from '../style.ts';

export type WatchEvent =
  | { readonly type: 'watching'; readonly files: number; readonly rules: number }
  | { readonly type: 'applied'; readonly result: UpResult; readonly durationMs: number }
  | { readonly type: 'invalid'; readonly problems: readonly string[] }
  | { readonly type: 'failed'; readonly error: unknown }
  | {
      readonly type: 'synced';
      readonly service: string;
      readonly containers: readonly string[];
      readonly paths: readonly string[];
      readonly durationMs: number;
    }
  | { readonly type: 'restarted'; readonly service: string; readonly durationMs: number }
  | {
      readonly type: 'executed';
      readonly container: string;
      readonly argv: readonly string[];
      readonly code: number;
      readonly timedOut: boolean;
    };

export function tell(event: WatchEvent, { terminal, global }: CommandContext): void {
  const { out, err } = terminal;
  if (global.json) out.write(`${JSON.stringify(asData(event))}\n`);
  if (event.type === 'failed') err.write(renderError(event.error, { debug: global.debug, color: err.color }));
  else
    err.write(
      asText(event, err.color)
        .map((line) => `${line}\n`)
        .join(''),
    );
}

function asText(event: Exclude<WatchEvent, { readonly type: 'failed' }>, color: boolean): readonly string[] {
  switch (event.type) {
    case 'watching':
      return [`watching ${count(event.files, 'file')}${event.rules > 0 ? ` and ${count(event.rules, 'watch rule')}` : ''}; Ctrl-C ends it`];
    case 'applied':
      return [`${describeChanges(event.result)} in ${formatDuration(event.durationMs)}`];
    case 'invalid':
      return [
        ...event.problems.map((problem) => `${paint(color, 'red', 'error:')} ${problem}`),
        'the stack is left as it is until that is mended',
      ];
    case 'synced':
      return [describeSync(event)];
    case 'restarted':
      return [`${event.service} restarted in ${formatDuration(event.durationMs)}`];
    case 'executed': {
      const how = event.timedOut ? 'was killed: its time was up' : event.code === 0 ? 'done' : `ended with code ${event.code}`;
      return [`${event.container}: \`${event.argv.join(' ')}\` ${event.code === 0 ? how : paint(color, 'red', how)}`];
    }
  }
}

const SHOWN = 3;

/** `shop-web-1 updated (memory limit 64MiB → 96MiB), network front created`. */
function describeChanges({ plan }: UpResult): string {
  const groups = groupSteps(plan);
  if (groups.length === 0) return 'up to date: nothing to change';
  const shown = groups.slice(0, SHOWN).map((group) => `${group.label} ${outcome(group)} (${causeOf(group)})`);
  return [...shown, ...(groups.length > SHOWN ? [`and ${groups.length - SHOWN} more`] : [])].join(', ');
}

function describeSync({ service, containers, paths, durationMs }: WatchEvent & { readonly type: 'synced' }): string {
  const [first = ''] = paths;
  const what = paths.length === 1 ? `\`${first}\`` : count(paths.length, 'path');
  if (containers.length === 0) return `${service}: ${what} changed, but no container of it runs`;
  return `${service}: ${what} synced into ${containers.join(', ')} in ${formatDuration(durationMs)}`;
}

function asData(event: WatchEvent): object {
  if (event.type === 'failed') {
    const { error } = event;
    const hint = error instanceof TsstackError ? error.hint : undefined;
    return { type: event.type, message: error instanceof Error ? error.message : String(error), ...(hint !== undefined && { hint }) };
  }
  if (event.type !== 'applied') return event;
  const { plan } = event.result;
  const changes = groupSteps(plan).map((group) => ({ name: group.label, outcome: outcome(group), cause: causeOf(group) }));
  return { type: event.type, stack: plan.stack, changes, durationMs: event.durationMs };
}
