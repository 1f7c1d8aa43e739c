/** One request and the head of its response. Knows nothing of registries. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import type { Route } from './routes.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is used once; its length is in the headers. */
  readonly body?: Uint8Array | Readable | undefined;
  readonly signal: AbortSignal;
}

/** Nothing coming or going for so long is a connection that is no more, ms. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * The body is to be read to its end, or destroyed. Rejects with the error of the system, or the signal's reason. A kept connection that
 * the other end has closed meanwhile is replaced without a word.
 */
export async function exchange(request: HttpRequest, route: Route): Promise<IncomingMessage> {
  try {
    return await once(request, route);
  } catch (error) {
    request.signal.throwIfAborted();
    if (!(error instanceof StaleConnection)) throw error;
    return await once(request, route).catch((again) => {
      request.signal.throwIfAborted();
      throw again instanceof StaleConnection ? again.cause : again;
    });
  }
}

/** Nothing was answered on a connection that was used before: the request may be sent again (RFC 9112, 9.3.1). */
class StaleConnection extends Error {}

function once(
  { method, url, headers, body, signal }: HttpRequest,
  { secure, agent, via, headers: proxyHeaders }: Route,
): Promise<IncomingMessage> {
  signal.throwIfAborted();
  const to = via ?? url;
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? https : http).request({
      method,
      agent,
      signal,
      host: to.hostname.replace(/^\[|\]$/g, ''),
      port: to.port || (to.protocol === 'https:' ? 443 : 80),
      path: via === undefined ? `${url.pathname}${url.search}` : `${url.origin}${url.pathname}${url.search}`,
      headers: { host: url.host, 'user-agent': 'tsstack', ...proxyHeaders, ...headers },
      timeout: IDLE_TIMEOUT_MS,
    });
    outgoing.once('timeout', () => outgoing.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    outgoing.once('response', resolve);
    // Also after the response: an upload that the other end did not want to hear to its end.
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE') && !isStream(body);
      reject(stale ? new StaleConnection('stale', { cause: error }) : error);
    });
    if (!isStream(body)) outgoing.end(body);
    else {
      pipeline(body, outgoing, (error) => {
        if (error) reject(error);
      });
    }
  });
}

function isStream(body: HttpRequest['body']): body is Readable {
  return body !== undefined && !(body instanceof Uint8Array);
}

/** Whole, at most `limit` bytes; undefined: it is longer, and was let go. */
export async function readBody(response: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
