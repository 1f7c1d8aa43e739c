/** Where everything of a picture is, in CSS pixels. The package that finds places is loaded only here. */
import type { GraphEdge, GraphNode, StackGraph } from './graph.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** `x` and `y` are the middle. */
  readonly nodes: readonly (GraphNode & Point & { readonly width: number; readonly height: number })[];
  /** `at`: the middle of the label. */
  readonly edges: readonly (GraphEdge & { readonly points: readonly Point[]; readonly at: Point | undefined })[];
}

export const LINE_HEIGHT = 17;
/** Of one character at 13 px: monospaced fonts are about 0.6 em wide. */
const CHARACTER_WIDTH = 7.9;
const PADDING = 14;
const MARGIN = 20;

export async function layOut({ nodes, edges }: StackGraph): Promise<Layout> {
  const { Graph, layout } = await import('@dagrejs/dagre');
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 24, ranksep: 60, edgesep: 16, marginx: MARGIN, marginy: MARGIN });
  for (const { id, label, details } of nodes) {
    const width = Math.max(...[label, ...details].map(textWidth)) + 2 * PADDING;
    graph.setNode(id, { width, height: (details.length + 1) * LINE_HEIGHT + PADDING });
  }
  for (const [index, { from, to, label }] of edges.entries()) {
    const size = label === '' ? { width: 0, height: 0 } : { width: textWidth(label) + PADDING, height: LINE_HEIGHT };
    graph.setEdge(from, to, { ...size, labelpos: 'c' }, String(index));
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width: round(width),
    height: round(height),
    nodes: nodes.map((node) => {
      const { x, y, ...size } = graph.node(node.id);
      return { ...node, x: round(x ?? 0), y: round(y ?? 0), width: round(size.width ?? 0), height: round(size.height ?? 0) };
    }),
    edges: edges.map((edge, index) => {
      const { points = [], x, y } = graph.edge(edge.from, edge.to, String(index));
      // Its ends are where a straight line would meet the boxes; ours leave and arrive in the middle of a side.
      const from = graph.node(edge.from);
      const to = graph.node(edge.to);
      const bends = points.slice(1, -1).map((point: Point) => ({ x: round(point.x), y: round(point.y) }));
      const at = edge.label === '' || x === undefined || y === undefined ? undefined : { x: round(x), y: round(y) };
      return { ...edge, points: [sideOf(from, 1), ...bends, sideOf(to, -1)], at };
    }),
  };
}

interface Box {
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
}

/** The middle of its right (1) or left (-1) side. */
function sideOf({ x = 0, y = 0, width = 0 }: Box, side: 1 | -1): Point {
  return { x: round(x + (side * width) / 2), y: round(y) };
}

/** What isn't ASCII may be as wide as two (Unicode Standard Annex #11). */
function textWidth(text: string): number {
  return [...text].reduce((width, char) => width + ((char.codePointAt(0) ?? 0) < 0x1100 ? 1 : 2), 0) * CHARACTER_WIDTH;
}

/** Tenths are fine enough for a screen, and the same on every machine. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
