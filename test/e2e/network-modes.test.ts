/** Services whose network isn't their own: the host's, or that of another service. */
import { readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { http } from '../support/http.ts';
import { idle, only, page } from '../support/stack-file.ts';
import { killSupervisor } from '../support/supervised.ts';
import { type Project, withProject } from '../support/tsstack.ts';
import { until } from '../support/until.ts';

const inside = async (p: Project, name: string, ...argv: readonly string[]) => (await p.ok(['exec', '-T', name, ...argv])).stdout;
const namespaceOf = async (p: Project, name: string) => readlinkSync(`/proc/${(await p.container(name)).pid}/ns/net`);

const helloOn = (port: number) => ({ command: ['sh', '-c', `echo hello > /www/index.html; exec httpd -f -p ${port} -h /www`] });
const shared = only({ services: { app: page, proxy: { ...helloOn(8080), networkMode: 'service:app' } } });

test("a service with the host's network sees its interfaces, is reached on its addresses, and is judged there by its health check", async () => {
  const agent = { ...helloOn(18090), networkMode: 'host', healthcheck: { tcp: 18090, interval: '100ms' } };
  await withProject(only({ services: { agent, web: page } }), async (p) => {
    await p.ok(['up', '-d', '--wait']);
    expect(await http('http://127.0.0.1:18090/')).toMatchObject({ body: 'hello\n' });
    expect(await namespaceOf(p, 'agent-1')).toBe(readlinkSync('/proc/self/ns/net'));
    // The bridge of its own stack is one of the host's links.
    expect(await inside(p, 'agent', 'ls', '/sys/class/net')).toMatch(/^lo\nts/);
    const address = (await p.container('web-1')).addresses['default'];
    expect(await inside(p, 'agent', 'wget', '-qO-', `http://${address}/`)).toBe('web-1\n');
    expect((await p.ok(['ps'])).stdout).toMatch(/shop-agent-1 +running \(healthy\) .*the host's/);
    const lost = await p.tsstack(['exec', '-T', 'agent', 'ip', 'link', 'set', 'lo', 'down']);
    expect(lost.code, 'it has no rights over it').not.toBe(0);
  });
});

test('a service that shares the network of another one meets it on 127.0.0.1 and has its names and addresses', async () => {
  await withProject(shared, async (p) => {
    await p.ok(['up', '-d']);
    expect(await namespaceOf(p, 'proxy-1')).toBe(await namespaceOf(p, 'app-1'));
    await until('app answers', () => inside(p, 'proxy', 'wget', '-qO-', 'http://127.0.0.1/'), { holds: (text) => text === 'app-1\n' });
    expect(await inside(p, 'app', 'wget', '-qO-', 'http://127.0.0.1:8080/')).toBe('hello\n');
    expect((await p.container('proxy-1')).addresses).toEqual((await p.container('app-1')).addresses);
    expect(await inside(p, 'proxy', 'cat', '/etc/hosts')).toBe(await inside(p, 'app', 'cat', '/etc/hosts'));
    expect((await p.ok(['ps'])).stdout).toMatch(/shop-proxy-1 .*10\.[\d.]+ of app-1/);
  });
});

test('it starts again with that one, whoever restarts it', async () => {
  await withProject(shared, async (p) => {
    await p.ok(['up', '-d']);
    const before = await namespaceOf(p, 'app-1');
    await p.ok(['restart', '--timeout', '0', 'app']);
    const after = await namespaceOf(p, 'app-1');
    expect(after).not.toBe(before);
    expect(await namespaceOf(p, 'proxy-1')).toBe(after);

    p.write(only({ services: { app: { ...page, environment: { A: '1' } }, proxy: { ...helloOn(8080), networkMode: 'service:app' } } }));
    await p.ok(['up', '-d']);
    expect(await namespaceOf(p, 'app-1')).not.toBe(after);
    expect(await namespaceOf(p, 'proxy-1')).toBe(await namespaceOf(p, 'app-1'));
    await until('it answers', () => inside(p, 'app', 'wget', '-qO-', 'http://127.0.0.1:8080/'), { holds: (text) => text === 'hello\n' });
  });
});

test('it comes back with one that ended and is restarted by its policy', async () => {
  const app = { command: ['sh', '-c', 'sleep 1000000 & wait'], restart: 'always' };
  await withProject(only({ services: { app, proxy: { ...idle, networkMode: 'service:app' } } }), async (p) => {
    await p.ok(['up', '-d']);
    const [was, proxyWas] = [await p.container('app-1'), await p.container('proxy-1')];
    // May end with the container itself.
    await p.tsstack(['exec', '-T', 'app', 'killall', 'sleep']);
    await until('proxy is another one', () => p.container('proxy-1'), { holds: ({ pid }) => pid !== undefined && pid !== proxyWas.pid });
    expect((await p.container('app-1')).pid).not.toBe(was.pid);
    expect(await namespaceOf(p, 'proxy-1')).toBe(await namespaceOf(p, 'app-1'));
  });
});

test('it survives its supervisor, and goes on with the network while that one is stopped', async () => {
  await withProject(shared, async (p) => {
    await p.ok(['up', '-d']);
    const was = await p.container('proxy-1');
    await killSupervisor(p);
    await p.ok(['up', '-d']);
    expect((await p.container('proxy-1')).pid).toBe(was.pid);
    const { addresses } = await p.container('app-1');
    await p.ok(['stop', '--timeout', '0', 'app']);
    expect(await http(`http://${addresses['default']}:8080/`)).toMatchObject({ body: 'hello\n' });
    await p.ok(['start', 'app']);
    expect(await namespaceOf(p, 'proxy-1')).toBe(await namespaceOf(p, 'app-1'));
  });
});
