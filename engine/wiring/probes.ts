/** Asks a container whether it is healthy, in the way its healthcheck says. */
import { request } from 'node:http';
import { connect } from 'node:net';
import type { HealthcheckSpec, ProbeSpec } from '../../dsl/spec.ts';
import type { ContainerRecord, ContainerStatus } from '../model/container.ts';
import { readLogs } from '../store/logs.ts';
import { NOT_ASKED, type ProbeResult } from '../supervise/health.ts';
import { runInside } from './run-inside.ts';
import type { Session } from './session.ts';

type ProbeOf<K extends ProbeSpec['kind']> = Extract<ProbeSpec, { kind: K }>;

interface Asked {
  readonly session: Session;
  readonly record: ContainerRecord;
  readonly status: ContainerStatus;
  readonly check: HealthcheckSpec;
  readonly signal: AbortSignal;
}

const PROBES: { readonly [K in ProbeSpec['kind']]: (probe: ProbeOf<K>, asked: Asked) => Promise<ProbeResult> } = {
  exec: probeByCommand,
  http: ({ port, path, headers }, { record, signal }) => atAddress(record, (host) => probeHttp({ host, port, path, headers, signal })),
  tcp: ({ port }, { record, signal }) => atAddress(record, (host) => probeTcp({ host, port, signal })),
  log: probeLog,
};

/**
 * One probe of a container's healthcheck; see `ProbeSpec` for what is healthy. The timeout is the caller's, by `signal`: then it settles at once.
 * A log probe goes on until its line has come.
 */
export function probeContainer(
  session: Session,
  record: ContainerRecord,
  { status, signal }: { readonly status: ContainerStatus; readonly signal: AbortSignal },
): Promise<ProbeResult> {
  const check = record.healthcheck;
  if (!check) return Promise.resolve({ code: NOT_ASKED, output: 'it has no healthcheck' });
  return dispatch(check.probe, { session, record, status, check, signal });
}

function dispatch<K extends ProbeSpec['kind']>(probe: ProbeOf<K> & { readonly kind: K }, asked: Asked): Promise<ProbeResult> {
  return PROBES[probe.kind](probe, asked);
}

function probeByCommand({ argv }: ProbeOf<'exec'>, { session, record, status, check, signal }: Asked): Promise<ProbeResult> {
  const { init } = status;
  if (!init) return Promise.resolve({ code: NOT_ASKED, output: 'it does not run' });
  return runInside(session, { record, init }, { argv, timeoutMs: check.timeoutMs, signal, onAbort: 'leave' });
}

/** The host is on every bridge of the stack, so the first network does as well as any. With the host's network, it is at home here. */
function atAddress({ addresses, launch }: ContainerRecord, ask: (host: string) => Promise<ProbeResult>): Promise<ProbeResult> {
  const host = launch.network?.kind === 'host' ? '127.0.0.1' : Object.values(addresses)[0];
  if (host === undefined) return Promise.resolve({ code: NOT_ASKED, output: 'it has no address: it is on no network' });
  return ask(host);
}

export interface HttpProbe extends Omit<ProbeOf<'http'>, 'kind'> {
  readonly host: string;
  readonly signal: AbortSignal;
}

/** The status decides, so nobody waits for the body; redirects aren't followed. */
function probeHttp({ host, port, path, headers, signal }: HttpProbe): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    // A connection for each probe: one that is kept would tell nothing about whether new ones are taken.
    const asking = request({ host, port, path, headers: { ...headers }, agent: false, signal });
    asking.once('response', (response) => {
      const { statusCode = 0, statusMessage = '' } = response;
      response.destroy();
      resolve({ code: statusCode >= 200 && statusCode < 400 ? 0 : 1, output: `HTTP status ${statusCode} ${statusMessage}`.trim() });
    });
    // After the answer, what happens to the connection is of no interest.
    asking.on('error', (error) => {
      if (signal.aborted) reject(error);
      else resolve({ code: 1, output: error.message });
    });
    asking.end();
  });
}

/** Only whether the connection is taken: what the container would say isn't read. */
function probeTcp({
  host,
  port,
  signal,
}: {
  readonly host: string;
  readonly port: number;
  readonly signal: AbortSignal;
}): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve({ code: 0, output: '' });
    });
    socket.on('error', (error) => {
      if (signal.aborted) reject(error);
      else resolve({ code: 1, output: error.message });
    });
  });
}

/** Follows the log from the start of this run; a line of an earlier one says nothing. */
async function probeLog({ pattern, flags }: ProbeOf<'log'>, { session, record, status, signal }: Asked): Promise<ProbeResult> {
  // `g` and `y` would make each test depend on the one before.
  const wanted = new RegExp(pattern, flags.replace(/[gy]/g, ''));
  const missing = { code: 1, output: `no line of output matches /${pattern}/${flags}` };
  if (signal.aborted) return missing;
  const lines = readLogs({ directory: session.paths.logs, follow: true, only: [record.name], since: status.startedAt, signal });
  for await (const { container, text } of lines) {
    // `only` takes services, too, and one may be called as this container is.
    if (container === record.name && wanted.test(text)) return { code: 0, output: text };
  }
  return missing;
}
