import { describe, expect, test } from 'vitest';
import { parseImageConfig } from '../../../../engine/codec/image-config.ts';

describe('image configs', () => {
  test('as Docker writes them', () => {
    const text = JSON.stringify({
      architecture: 'arm',
      os: 'linux',
      variant: 'v7',
      created: '2026-01-02T03:04:05Z',
      rootfs: { type: 'layers', diff_ids: ['sha256:aa', 'sha256:bb'] },
      config: {
        Entrypoint: ['docker-entrypoint.sh'],
        Cmd: ['postgres'],
        Env: ['PATH=/bin', 'A=b=c', 'EMPTY=', 'BARE', 'A=last', '=none'],
        WorkingDir: '/data',
        User: 'postgres',
        ExposedPorts: { '5432/tcp': {}, '53/udp': {} },
        Volumes: { '/var/lib': {} },
        StopSignal: 'SIGINT',
        Labels: { a: '1' },
        Shell: ['/bin/bash', '-c'],
        Healthcheck: { Test: ['CMD-SHELL', 'pg_isready'], Interval: 30_000_000_000, Timeout: 0, StartInterval: 500_000_000, Retries: 3 },
      },
    });
    expect(parseImageConfig(text)).toEqual({
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
      diffIds: ['sha256:aa', 'sha256:bb'],
      entrypoint: ['docker-entrypoint.sh'],
      command: ['postgres'],
      environment: { PATH: '/bin', A: 'last', EMPTY: '', BARE: '' },
      workingDir: '/data',
      user: 'postgres',
      exposedPorts: ['53/udp', '5432/tcp'],
      volumes: ['/var/lib'],
      stopSignal: 'SIGINT',
      labels: { a: '1' },
      healthcheck: {
        test: ['CMD-SHELL', 'pg_isready'],
        intervalMs: 30_000,
        timeoutMs: undefined,
        startPeriodMs: undefined,
        startIntervalMs: 500,
        retries: 3,
      },
      shell: ['/bin/bash', '-c'],
      created: '2026-01-02T03:04:05Z',
    });
  });

  test('what says nothing is empty, and Docker writes null for it', () => {
    const text = JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      config: { Entrypoint: null, Labels: null, WorkingDir: '', User: '' },
    });
    expect(parseImageConfig(text)).toMatchObject({
      entrypoint: [],
      command: [],
      labels: {},
      workingDir: '/',
      user: undefined,
      diffIds: [],
    });
  });

  test.each([
    ['nonsense', 'is not JSON'],
    ['null', 'is not an object'],
    ['{"os":"linux"}', 'names no os or architecture'],
    ['{"os":"linux","architecture":"amd64","config":{"Cmd":"run"}}', 'has a `Cmd` that is no list of texts'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseImageConfig(text)).toThrow(why);
  });
});
