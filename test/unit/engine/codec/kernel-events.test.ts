import { describe, expect, test } from 'vitest';
import { parseKernelEvent } from '../../../../engine/codec/kernel-events.ts';

const HOST = { in: 'host' };

describe('parseKernelEvent', () => {
  test.each([
    ['link new host 4', { kind: 'link', change: 'new', netns: HOST, ifindex: 4 }],
    [
      'address deleted container web-1 2',
      { kind: 'address', change: 'deleted', netns: { in: 'container', container: 'web-1' }, ifindex: 2 },
    ],
    ['route deleted container host 0', { kind: 'route', change: 'deleted', netns: { in: 'container', container: 'host' }, ifindex: 0 }],
    ['netconf new host 0', { kind: 'netconf', change: 'new', netns: HOST, ifindex: 0 }],
    ['traffic-control deleted host 7', { kind: 'traffic-control', change: 'deleted', netns: HOST, ifindex: 7 }],
    ['rules', { kind: 'rules' }],
    ['mounts web-1', { kind: 'mounts', container: 'web-1' }],
    ['oom web-1', { kind: 'oom', container: 'web-1' }],
    ['lost host', { kind: 'lost', netns: HOST }],
    ['lost container web-1', { kind: 'lost', netns: { in: 'container', container: 'web-1' } }],
  ])('reads `%s`', (words, event) => {
    expect(parseKernelEvent(words.split(' '))).toEqual(event);
  });

  test.each(['weather new host 4', 'link renamed host 4', 'mounts', 'oom', ''])(
    'takes `%s`, which it does not know, for a loss',
    (words) => {
      expect(parseKernelEvent(words.split(' '))).toEqual({ kind: 'lost', netns: HOST });
    },
  );
});
