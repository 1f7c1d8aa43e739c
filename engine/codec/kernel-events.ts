/** The words of a frame `event …` of the launcher (`native/launcher/PROTOCOL.md`, Events) → value. */
import type { KernelEvent } from '../model/kernel-events.ts';
import type { NetnsRef } from '../model/resources.ts';

/** Of words it does not know, as of messages that were lost, it says that anything may have changed. */
export function parseKernelEvent(words: readonly string[]): KernelEvent {
  const [kind, ...rest] = words;
  switch (kind) {
    case 'rules':
      return { kind };
    case 'mounts':
    case 'oom':
      return rest[0] === undefined ? UNKNOWN : { kind, container: rest[0] };
    case 'lost':
      return { kind, netns: parseOrigin(rest).netns };
    case 'link':
    case 'address':
    case 'route':
    case 'netconf':
    case 'traffic-control': {
      const [change, ...where] = rest;
      if (change !== 'new' && change !== 'deleted') return UNKNOWN;
      const { netns, after } = parseOrigin(where);
      return { kind, change, netns, ifindex: Number(after[0] ?? 0) };
    }
    default:
      return UNKNOWN;
  }
}

const HOST: NetnsRef = { in: 'host' };
const UNKNOWN: KernelEvent = { kind: 'lost', netns: HOST };

function parseOrigin([where, ...after]: readonly string[]): { readonly netns: NetnsRef; readonly after: readonly string[] } {
  const [container, ...rest] = after;
  return where === 'container' && container !== undefined ? { netns: { in: 'container', container }, after: rest } : { netns: HOST, after };
}
