/** Steps and the edges between them, until they are numbered. Lives within one call of `reconcile`. */
import { append } from '../../dsl/multimap.ts';
import type { ResourceId } from '../model/ids.ts';
import type { Op, Step } from '../model/plan.ts';

export interface Node {
  readonly resource: ResourceId;
  readonly phase: 'remove' | 'make' | 'await';
  readonly op: Op;
  readonly cause: string;
  readonly after: Set<Node>;
}

export class StepGraph {
  readonly #nodes: Node[] = [];
  readonly #byResource = new Map<string, Node[]>();

  /** A resource's changes follow one another in the order they are added. */
  add(resource: ResourceId, phase: Node['phase'], { op, cause }: { readonly op: Op; readonly cause: string }): Node {
    const earlier = [...this.of(resource, 'remove'), ...this.of(resource, 'make')].at(-1);
    const node: Node = { resource, phase, op, cause, after: new Set(earlier ? [earlier] : []) };
    this.#nodes.push(node);
    const key = `${phase} ${resource}`;
    this.#byResource.set(key, [...(this.#byResource.get(key) ?? []), node]);
    return node;
  }

  of(resource: ResourceId, phase: Node['phase']): readonly Node[] {
    return this.#byResource.get(`${phase} ${resource}`) ?? [];
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Drops nodes and every edge to them. */
  delete(dropped: ReadonlySet<Node>): void {
    const kept = this.#nodes.filter((node) => !dropped.has(node));
    this.#nodes.splice(0, this.#nodes.length, ...kept);
    for (const node of kept) for (const other of node.after) if (dropped.has(other)) node.after.delete(other);
  }

  /** Numbered wave by wave: each wave is what only earlier waves hold up, sorted. Throws on a cycle: that is a mistake in the rules. */
  steps(): Step[] {
    const numbers = new Map<Node, number>();
    const keys = new Map(this.#nodes.map((node) => [node, sortKey(node)]));
    const byKey = (a: Node, b: Node) => ((keys.get(a) ?? '') < (keys.get(b) ?? '') ? -1 : 1);
    const waiting = new Map(this.#nodes.map((node) => [node, node.after.size]));
    const followers = this.#followers();
    const steps: Step[] = [];
    let wave = this.#nodes.filter((node) => node.after.size === 0).sort(byKey);
    while (wave.length > 0) {
      const next: Node[] = [];
      for (const node of wave) {
        const id = steps.length + 1;
        numbers.set(node, id);
        const dependsOn = [...node.after].map((other) => numbers.get(other) ?? 0).sort((a, b) => a - b);
        steps.push({ id, resource: node.resource, op: node.op, cause: node.cause, dependsOn });
        for (const follower of followers.get(node) ?? []) {
          const left = (waiting.get(follower) ?? 0) - 1;
          waiting.set(follower, left);
          if (left === 0) next.push(follower);
        }
      }
      wave = next.sort(byKey);
    }
    if (steps.length !== this.#nodes.length) throw new Error(`the plan has a cycle: ${this.#stuck(numbers)}`);
    return steps;
  }

  #followers(): Map<Node, Node[]> {
    const followers = new Map<Node, Node[]>();
    for (const node of this.#nodes) for (const other of node.after) append(followers, other, node);
    return followers;
  }

  #stuck(numbers: ReadonlyMap<Node, number>): string {
    return this.#nodes
      .filter((node) => !numbers.has(node))
      .map(({ resource, op }) => `${resource} ${op.kind}`)
      .join(', ');
  }
}

/** Removals first, then by kind and name; `web-2` before `web-10`. */
function sortKey({ resource, phase, op }: Node): string {
  return `${phase === 'remove' ? 0 : 1} ${resource.replace(/\d+/g, (digits) => digits.padStart(6, '0'))} ${op.kind}`;
}
