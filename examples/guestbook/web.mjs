/** The front: serves the page, and passes `/api/…` on to the replicas of the API in turn. */
import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { Answer, serve, textOf } from './server.mjs';

const api = new URL(process.env.API ?? 'http://api:3000');
const page = readFileSync(new URL('page.html', import.meta.url), 'utf8');
let turn = 0;

const pass = async (request, url) => {
  if (!url.pathname.startsWith('/api/')) throw new Answer(404, `no page ${url.pathname}`);
  const body = request.method === 'GET' ? undefined : await textOf(request);
  return forward(request.method, url.pathname.slice('/api'.length), body);
};

serve({
  name: 'web',
  port: Number(process.env.PORT ?? 8080),
  routes: {
    'GET /': () => ({ type: 'text/html; charset=utf-8', body: page }),
    'GET /health': () => ({ ok: true }),
    'GET /*': pass,
    'POST /*': pass,
  },
});

/** Asks the replica whose turn it is; if nobody is there, the next one. */
async function forward(method, path, body) {
  const replicas = await lookup(api.hostname, { all: true });
  const first = turn++;
  let failure;
  for (let i = 0; i < replicas.length; i++) {
    const { address } = replicas[(first + i) % replicas.length];
    try {
      const signal = AbortSignal.timeout(5000);
      const response = await fetch(`http://${address}:${api.port}${path}`, { method, body, signal });
      return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
    } catch (error) {
      failure = error;
      // Only a connection that was never made is safe to try again: a POST must not be done twice.
      if (error.cause?.code !== 'ECONNREFUSED' && error.cause?.code !== 'EHOSTUNREACH') break;
    }
  }
  console.error(failure);
  throw new Answer(502, 'no replica of the API answers');
}
