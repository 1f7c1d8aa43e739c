import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stackGraph } from '../../../cli/graph/graph.ts';
import { layOut } from '../../../cli/graph/layout.ts';
import { renderMermaid } from '../../../cli/graph/mermaid.ts';
import { renderSvg } from '../../../cli/graph/svg.ts';
import { specOf } from '../dsl/support/stack-file.ts';
import { session } from './support/session.ts';

const image = 'docker.io/library/app:1';
const SHOP = specOf({
  name: 'shop',
  services: {
    db: { image: 'postgres:17', networks: { back: { aliases: ['sql'] } }, healthcheck: { tcp: 5432 } },
    migrate: { kind: 'job', image, networks: ['back'], dependsOn: { db: 'healthy' } },
    api: {
      ...{ image, replicas: 3, dependsOn: { migrate: 'completed', cache: 'started' } },
      ...{ networks: ['front', 'back', 'theirs'], ports: ['8080:80', '*:8443:443', '53/udp', '[fd00::1]:9000-9010:90'] },
    },
    cache: { image, networks: ['back'] },
    'debug.shell': { image, networkMode: 'service:db' },
    agent: { image, networkMode: 'host' },
  },
  networks: {
    front: { ipv6: true, shared: true },
    back: { internal: true, subnet: '10.1.0.0/24' },
    theirs: { external: 'infra/front' },
    lan: { driver: 'macvlan', parent: 'eth0' },
  },
});

describe('the picture of a stack', () => {
  it('is text for Mermaid', async () => {
    await expect(renderMermaid(stackGraph(SHOP))).toMatchFileSnapshot('../../golden/graph/shop.mmd');
  });

  it('is an SVG that needs nothing else', async () => {
    const svg = await renderSvg(stackGraph(SHOP));
    await expect(svg).toMatchFileSnapshot('../../golden/graph/shop.svg');
    expect(svg.match(/(?:href|src|@import|url\((?!#arrow))/g)).toBeNull();
  });

  it('says once who depends on whose network it has', () => {
    const { edges } = stackGraph(SHOP);
    expect(edges.filter(({ from }) => from === 'service:debug.shell')).toEqual([
      { from: 'service:debug.shell', to: 'service:db', kind: 'shares', label: 'has its network' },
    ]);
    expect(edges.filter(({ from }) => from === 'service:agent')).toEqual([{ from: 'service:agent', to: 'host', kind: 'joins', label: '' }]);
  });

  it('has every line between things that are there', () => {
    const { nodes, edges } = stackGraph(SHOP);
    const ids = nodes.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { from, to } of edges) expect(ids).toEqual(expect.arrayContaining([from, to]));
  });

  it('has nothing on top of another thing, and nothing outside', async () => {
    const { nodes, width, height } = await layOut(stackGraph(SHOP));
    for (const [index, a] of nodes.entries()) {
      expect(a.x - a.width / 2 >= 0 && a.x + a.width / 2 <= width && a.y - a.height / 2 >= 0 && a.y + a.height / 2 <= height).toBe(true);
      for (const b of nodes.slice(index + 1)) {
        const apart = Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
        expect(apart, `${a.id} and ${b.id}`).toBe(true);
      }
    }
  });
});

describe('texts of strangers', () => {
  const nasty = `<script>alert("1")</script>&'\`]\u0001#`;
  const graph = stackGraph(specOf({ services: { web: { image: nasty, ports: ['80'] } } }));
  it('are texts in an SVG', async () => {
    const svg = await renderSvg(graph);
    expect(svg).not.toContain('<script');
    expect(svg).toContain('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#38;&#39;`]\ufffd#');
  });

  it('are texts for Mermaid', () => {
    expect(renderMermaid(graph)).toContain('#60;script#62;alert(#34;1#34;)#60;/script#62;#38;#39;#96;#93;#1;#35;');
  });

  it('have different names in Mermaid where their ids differ', () => {
    const services = Object.fromEntries(['a.b', 'a-b', 'a_b', 'a_2d_b'].map((name) => [name, { image, networks: [] }]));
    const names = renderMermaid(stackGraph(specOf({ services }))).match(/^ {2}\w+(?=\[)/gm);
    expect(new Set(names).size).toBe(4);
  });
});

describe('graph', () => {
  it('prints Mermaid, JSON and SVG', async () => {
    const outputs: string[] = [];
    for (const argv of [[], ['--format', 'json'], ['--json'], ['--format', 'svg']]) {
      const s = session({});
      expect(await s.run('graph', ...argv)).toBe(0);
      expect(s.calls).toEqual([]);
      outputs.push(s.out());
    }
    const [mermaid, json, alsoJson, svg] = outputs;
    expect(mermaid).toContain('flowchart LR\n');
    expect(JSON.parse(json ?? '')).toMatchObject({ name: 'shop', nodes: [{ id: 'service:web' }, { id: 'service:api' }] });
    expect(alsoJson).toBe(json);
    expect(svg).toMatch(/^<svg /);
  });

  it('writes to a file what its name says', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tsstack-graph-'));
    try {
      const s = session({});
      await s.run('graph', '-o', join(directory, 'shop.svg'));
      expect(s.out()).toBe('');
      expect(readFileSync(join(directory, 'shop.svg'), 'utf8')).toMatch(/^<svg /);
      await expect(s.run('graph', '-o', join(directory, 'no/shop.svg'))).rejects.toThrow('cannot write');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('knows no other formats', async () => {
    await expect(session({}).run('graph', '--format', 'svgg')).rejects.toMatchObject({ hint: 'did you mean `svg`?' });
  });
});
