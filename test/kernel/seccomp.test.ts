import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seccompProgram } from '../../engine/codec/seccomp.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsstack-seccomp-'));
  execFileSync('cc', ['-O1', '-Wall', '-o', join(directory, 'seccomp-exec'), join(import.meta.dirname, 'seccomp-exec.c')]);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Under the filter of a container with the given capabilities. */
function filtered(argv: readonly string[], capabilities: readonly number[] = []): { status: number | null; output: string } {
  if (process.arch !== 'x64' && process.arch !== 'arm64') throw new Error(`no filter for ${process.arch}`);
  const file = join(directory, 'filter');
  writeFileSync(file, seccompProgram(process.arch, { capabilities }));
  const result = spawnSync(join(directory, 'seccomp-exec'), [file, ...argv], { encoding: 'utf8' });
  return { status: result.status, output: result.stdout + result.stderr };
}

describe('the seccomp filter in the kernel', () => {
  it('is loaded', () => {
    expect(filtered(['grep', '^Seccomp:', '/proc/self/status'])).toEqual({ status: 0, output: 'Seccomp:\t2\n' });
  });

  it.each([
    ['a shell with a pipe', ['busybox', 'sh', '-c', 'echo one two | busybox wc -w'], '2\n'],
    ['node with threads and a server', [process.execPath, '-e', nodeProgram()], 'answer 42\n'],
    ['dynamic programs', ['sh', '-c', 'ls / >/dev/null && id -u && date >/dev/null'], '0\n'],
  ] as const)('lets %s run', (_, argv, output) => {
    expect(filtered(argv)).toEqual({ status: 0, output });
  });

  it('refuses to mount, to make namespaces and to join them, even to root', () => {
    expect(filtered(['mount', '-t', 'tmpfs', 'none', directory]).output).toMatch(/not permitted|permission denied|must be superuser/i);
    expect(filtered(['unshare', '-U', 'true']).output).toMatch(/Operation not permitted/);
    expect(filtered(['nsenter', '--net=/proc/self/ns/net', 'true']).output).toMatch(/Operation not permitted/);
  });

  it('lets a container with the capability make namespaces', () => {
    expect(filtered(['unshare', '-u', 'true'], [21])).toEqual({ status: 0, output: '' });
  });
});

function nodeProgram(): string {
  return `
    const { Worker } = require('node:worker_threads'), http = require('node:http'), { execFileSync } = require('node:child_process');
    execFileSync('true');
    new Worker("require('node:worker_threads').parentPort.postMessage(42)", { eval: true }).on('message', (answer) => {
      const server = http.createServer((_, res) => res.end('answer ' + answer)).listen(0, '127.0.0.1', () =>
        http.get({ port: server.address().port, host: '127.0.0.1' }, (res) => res.on('data', (d) => console.log(String(d))).on('end', () => server.close())));
    });`;
}
