/** A connection through a proxy: CONNECT (RFC 9110, 9.3.6). */
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';

const CONNECT_TIMEOUT_MS = 30_000;

/** `target`: host and port. Rejects with code `EPROXY`, whatever kept the proxy from it. */
export function openTunnel(proxy: URL, target: string, secureContext: SecureContext): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) =>
      reject(Object.assign(new Error(`the proxy \`${proxy.host}\` ${why}`, { cause }), { code: 'EPROXY' }));
    const options = {
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...proxyAuthorization(proxy) },
      agent: false as const,
      timeout: CONNECT_TIMEOUT_MS,
    };
    const outgoing = proxy.protocol === 'https:' ? https.request(Object.assign(options, { secureContext })) : http.request(options);
    outgoing.once('connect', (response, socket) => {
      socket.setTimeout(0);
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      const wanted =
        response.statusCode === 407
          ? 'wants a user name and password: http://user:password@host:port'
          : `refused to connect us to \`${target}\` (status ${response.statusCode})`;
      fail(wanted);
    });
    outgoing.once('response', (response) => {
      response.destroy();
      fail(`refused to connect us to \`${target}\` (status ${response.statusCode})`);
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.once('error', (error) => fail(`cannot be used: ${error.message}`, error));
    outgoing.end();
  });
}

export function proxyAuthorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '') return {};
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return { 'proxy-authorization': `Basic ${credentials}` };
}
