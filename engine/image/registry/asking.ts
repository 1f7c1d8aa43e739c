/** One request to whatever host, its failures told as ours, and whether a host speaks TLS at all. */
import type { IncomingMessage } from 'node:http';
import { TsstackError } from '../../model/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { exchange, type HttpRequest, readBody } from './exchange.ts';
import { isNotTls, networkFailure } from './failures.ts';
import type { Routes, Trust } from './routes.ts';

export interface Asker {
  /** The body is to be read to its end, or destroyed. Rejects with `RegistryFailure`, or the signal's reason. */
  ask(request: HttpRequest, trust: Trust, doing: string): Promise<IncomingMessage>;
  /** `https://host` or `http://host`, found out once a host. */
  originOf(endpoint: Endpoint, signal: AbortSignal): Promise<string>;
}

/** Of an error or a token: more is none. */
const MAX_TEXT = 1 << 20;

/** `lifetime`: of what is done once for all who wait for it. */
export function openAsker(routes: Routes, lifetime: AbortSignal): Asker {
  const origins = new Map<string, Promise<string>>();
  const reached = new Set<string>();
  return {
    async ask(request, trust, doing) {
      const { host } = request.url;
      try {
        const response = await exchange(request, routes.to(request.url, trust));
        reached.add(host);
        return response;
      } catch (error) {
        request.signal.throwIfAborted();
        // Already a sentence for the user: the address of a proxy that is none, a file of certificates that is not there.
        if (error instanceof TsstackError) throw error;
        throw networkFailure(error, doing, { host, reached: reached.has(host) });
      }
    },
    originOf(endpoint, signal) {
      if (endpoint.scheme !== undefined) return Promise.resolve(`${endpoint.scheme}://${endpoint.host}`);
      const known = origins.get(endpoint.host) ?? findOrigin(endpoint, routes, lifetime);
      origins.set(endpoint.host, known);
      known.catch(() => origins.delete(endpoint.host));
      return abortable(known, signal);
    },
  };
}

/** Of a host that may speak HTTPS with any certificate, or plain HTTP: as Docker does it, HTTPS is tried first. */
async function findOrigin(endpoint: Endpoint, routes: Routes, signal: AbortSignal): Promise<string> {
  const url = new URL(`https://${endpoint.host}/v2/`);
  try {
    const response = await exchange({ method: 'GET', url, headers: {}, signal }, routes.to(url, endpoint));
    // To its end, so that the next request finds the connection free.
    await readBody(response, MAX_TEXT);
    return url.origin;
  } catch (error) {
    signal.throwIfAborted();
    // What cannot be reached with either is told by the request itself.
    const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
    return isNotTls(error) || refused ? `http://${endpoint.host}` : url.origin;
  }
}

/** Undefined: longer than any text for us. Rejects as `ask` does. */
export async function textOf(
  response: IncomingMessage,
  { doing, host, signal }: { readonly doing: string; readonly host: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  try {
    return (await readBody(response, MAX_TEXT))?.toString('utf8');
  } catch (error) {
    signal.throwIfAborted();
    throw networkFailure(error, doing, { host, reached: true });
  }
}

/** Waits no longer than the signal lets us; the work itself goes on for whoever else waits for it. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (leave !== undefined) signal.removeEventListener('abort', leave);
  }
}
