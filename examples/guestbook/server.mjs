import { createServer } from 'node:http';

const bodyLimit = 64 * 1024;

/** An answer that is not 200: `throw new Answer(404, 'no such entry')`. */
export class Answer extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Serves `routes` (`'GET /entries': async (request, url) => value`) until SIGTERM or SIGINT, then lets running requests finish, calls
 * `close`, and exits. A value is answered as JSON, a `{ type, body }` as it is.
 */
export function serve({ name, port, routes, close = async () => {} }) {
  const server = createServer(async (request, response) => {
    const started = performance.now();
    const { status, type, body } = await answer(routes, request);
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    response.end(body);
    if (request.url !== '/health') console.log(`${request.method} ${request.url} ${status} ${(performance.now() - started).toFixed(1)} ms`);
  });
  server.on('error', (error) => {
    console.error(`${name} cannot listen on port ${port}: ${error.message}`);
    process.exit(1);
  });
  server.listen(port, () => console.log(`${name} listens on port ${port}`));

  const stop = (signal) => {
    console.log(`${signal}: closing`);
    server.close(async () => {
      await close();
      process.exit(0);
    });
    server.closeIdleConnections();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

async function answer(routes, request) {
  const json = (status, value) => ({ status, type: 'application/json; charset=utf-8', body: JSON.stringify(value) });
  try {
    const url = new URL(request.url, 'http://localhost');
    const route = routes[`${request.method} ${url.pathname}`] ?? routes[`${request.method} /*`];
    if (route === undefined) throw new Answer(404, `no ${request.method} ${url.pathname} here`);
    const value = await route(request, url);
    return value?.type === undefined ? json(200, value) : { status: value.status ?? 200, ...value };
  } catch (error) {
    if (error instanceof Answer) return json(error.status, { error: error.message });
    console.error(error);
    return json(502, { error: error.cause?.code ?? error.message });
  }
}

/** The request's body as text; 413 when it is longer than 64 KiB. */
export async function textOf(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > bodyLimit) throw new Answer(413, `more than ${bodyLimit} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** The same, parsed; 400 when it is no JSON. */
export async function jsonOf(request) {
  const text = await textOf(request);
  try {
    return JSON.parse(text);
  } catch {
    throw new Answer(400, 'the body is no JSON');
  }
}
