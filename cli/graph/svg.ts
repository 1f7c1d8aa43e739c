import type { GraphEdge, StackGraph } from './graph.ts';
import { type Layout, LINE_HEIGHT, layOut, type Point } from './layout.ts';

/** One document without outside references, readable on light and dark: it brings a background, and asks what is preferred. */
export async function renderSvg(graph: StackGraph): Promise<string> {
  const layout = await layOut(graph);
  const { width, height } = layout;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>${escapeXml(`stack ${graph.name}`)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...layout.edges.map(edgeText),
    ...layout.nodes.map(nodeText),
    '</svg>',
    '',
  ].join('\n');
}

/** Colors with a contrast of 4.5 and more against what they are on (WCAG 2.2, 1.4.3). */
const STYLE = [
  'text{font:13px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;text-anchor:middle;fill:#1f2328}',
  '.label{font-weight:600}.detail,.edge text{fill:#57606a}',
  '.paper{fill:#fff}.node rect,.node path{fill:#f6f8fa;stroke:#57606a;stroke-width:1.2}',
  '.service rect{fill:#ddf4ff;stroke:#0969da}.job rect{fill:#fbefff;stroke:#8250df}',
  '.port rect{fill:#fff8c5;stroke:#9a6700}.network rect,.host rect{fill:#dafbe1;stroke:#1a7f37}.internal rect{stroke-dasharray:5 4}',
  '.edge path{fill:none;stroke:#57606a;stroke-width:1.2}.head{fill:#57606a}',
  '.publishes path{stroke-width:2}.shares path{stroke-dasharray:3 4}.joins path{stroke:#1a7f37}.plate{fill:#fff}',
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.detail,.edge text{fill:#9da7b1}.paper,.plate{fill:#0d1117}',
  '.service rect{fill:#0c2d6b;stroke:#58a6ff}.job rect{fill:#3c1e70;stroke:#bc8cff}.port rect{fill:#4b2900;stroke:#d29922}',
  '.network rect,.host rect{fill:#033a16;stroke:#3fb950}.edge path{stroke:#9da7b1}.head{fill:#9da7b1}.joins path{stroke:#3fb950}',
  // On their fills the paler grey is too dark.
  '.node .detail{fill:#c9d1d9}}',
].join('');

function nodeText({ kind, label, details, internal, x, y, width, height }: Layout['nodes'][number]): string {
  const round = kind === 'network' || kind === 'host' ? height / 2 : kind === 'port' ? 3 : 6;
  const first = y - (details.length * LINE_HEIGHT) / 2;
  const lines = [label, ...details].map((text, index) => {
    return `<text class="${index === 0 ? 'label' : 'detail'}" x="${x}" y="${tenths(first + index * LINE_HEIGHT + 4.5)}">${escapeXml(text)}</text>`;
  });
  const box = `x="${tenths(x - width / 2)}" y="${tenths(y - height / 2)}" width="${width}" height="${height}" rx="${tenths(round)}"`;
  return `<g class="node ${kind}${internal ? ' internal' : ''}"><rect ${box}/>${lines.join('')}</g>`;
}

function edgeText({ kind, label, points, at }: Layout['edges'][number]): string {
  const head = hasHead(kind) ? ' marker-end="url(#arrow)"' : '';
  const line = `<path d="${pathText(points)}"${head}/>`;
  return `<g class="edge ${kind}">${line}${at === undefined ? '' : labelText(label, at)}</g>`;
}

/** On a plate, so that the line doesn't cross it. */
function labelText(label: string, { x, y }: Point): string {
  const width = [...label].length * 7.9 + 6;
  const plate = `<rect class="plate" x="${tenths(x - width / 2)}" y="${tenths(y - 8)}" width="${tenths(width)}" height="16"/>`;
  return `${plate}<text x="${x}" y="${tenths(y + 4.5)}">${escapeXml(label)}</text>`;
}

function hasHead(kind: GraphEdge['kind']): boolean {
  return kind !== 'joins';
}

/** A curve through all points, which is horizontal in each: things stand in columns, and lines go from left to right. */
function pathText(points: readonly Point[]): string {
  const [start, ...rest] = points;
  if (start === undefined) return '';
  const curves = rest.map((to, index) => {
    const from = points[index] ?? start;
    const middle = tenths((from.x + to.x) / 2);
    return `C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
  });
  return `M${start.x} ${start.y}${curves.join('')}`;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

/** XML 1.0 has no place for most control characters, escaped or not (2.2). */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
