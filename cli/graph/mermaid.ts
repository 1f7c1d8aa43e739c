import type { GraphEdge, GraphNode, NodeKind, StackGraph } from './graph.ts';

/** As text for Mermaid (mermaid.js.org, flowchart). Without colors of its own, so that it is readable in every theme. */
export function renderMermaid({ name, nodes, edges }: StackGraph): string {
  const internal = nodes.filter((node) => node.internal).map(({ id }) => idText(id));
  return [
    '---',
    `title: ${JSON.stringify(name)}`,
    '---',
    'flowchart LR',
    ...nodes.map(nodeText),
    ...edges.map(edgeText),
    ...(internal.length === 0 ? [] : ['  classDef internal stroke-dasharray: 5 5', `  class ${internal.join(',')} internal`]),
    '',
  ].join('\n');
}

const SHAPES: Readonly<Record<NodeKind, readonly [open: string, close: string]>> = {
  service: ['[', ']'],
  job: ['[[', ']]'],
  network: ['([', '])'],
  port: ['{{', '}}'],
  host: ['([', '])'],
};

const ARROWS: Readonly<Record<GraphEdge['kind'], string>> = { publishes: '==>', depends: '-->', shares: '-.->', joins: '---' };

function nodeText({ id, kind, label, details }: GraphNode): string {
  const [open, close] = SHAPES[kind];
  return `  ${idText(id)}${open}"${[label, ...details].map(escapeLabel).join('<br>')}"${close}`;
}

function edgeText({ from, to, kind, label }: GraphEdge): string {
  return `  ${idText(from)} ${ARROWS[kind]}${label === '' ? '' : `|"${escapeLabel(label)}"|`} ${idText(to)}`;
}

/** Letters, digits and underscores alone, and different for different ids. */
function idText(id: string): string {
  const [kind = '', ...rest] = id.split(':');
  const name = rest.join(':').replace(/[^a-zA-Z0-9]/g, (char) => `_${char.charCodeAt(0).toString(16)}_`);
  return name === '' ? kind : `${kind}_${name}`;
}

/** Everything that means something in a label, or in HTML, by its code (Mermaid, "Entity codes to escape characters"). */
function escapeLabel(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,:/()*_\u2019-]/gu, (char) => `#${char.codePointAt(0)};`);
}
