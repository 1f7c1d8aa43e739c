import { describe, expect, it } from 'vitest';
import { parseFailpoints } from '../../../../engine/apply/failpoints.ts';
import type { Step } from '../../../../engine/model/plan.ts';

const step = (id: number, kind: 'file.delete' | 'cgroup.delete'): Step => ({
  id,
  resource: 'x',
  op: { kind, path: 'x' },
  cause: '',
  dependsOn: [],
});

async function reached(text: string, steps: readonly (readonly [Step, 'before' | 'after'])[]): Promise<string[]> {
  const points = parseFailpoints(text);
  const results: string[] = [];
  for (const [which, when] of steps) {
    results.push(
      await (points?.reach(which, when) ?? Promise.resolve()).then(
        () => 'on',
        (error: Error) => error.message,
      ),
    );
  }
  return results;
}

describe('failpoints', () => {
  it('are none without text', () => {
    expect(parseFailpoints(undefined)).toBeUndefined();
    expect(parseFailpoints('')).toBeUndefined();
  });

  it('take their terms in turn, each as often as it says', async () => {
    const before = [step(1, 'file.delete'), 'before'] as const;
    expect(await reached('file.delete=1*off->2*error(EBUSY)->off', [before, before, before, before])).toEqual([
      'on',
      'failpoint file.delete: EBUSY',
      'failpoint file.delete: EBUSY',
      'on',
    ]);
  });

  it('tell kinds, steps, and before from after', async () => {
    const all = [1, 2].flatMap((id) =>
      (['before', 'after'] as const).map((when) => [step(id, id === 1 ? 'file.delete' : 'cgroup.delete'), when] as const),
    );
    expect(await reached('#1.after=error(a);cgroup.delete=error(b)', all)).toEqual([
      'on',
      'failpoint #1.after: a',
      'failpoint cgroup.delete: b',
      'on',
    ]);
  });

  it.each(['link.create', 'link.create=explode', '=kill', 'link.create=kill->'])('refuse %s', (text) => {
    expect(() => parseFailpoints(text)).toThrow(/failpoint/);
  });
});
