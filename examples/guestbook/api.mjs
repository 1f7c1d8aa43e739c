/** The guestbook's API: checks what people write, keeps it in the store, says which replica answered. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Answer, jsonOf, serve } from './server.mjs';

const store = process.env.STORE ?? 'http://store:4000';
const replica = hostname();

serve({
  name: 'api',
  port: Number(process.env.PORT ?? 3000),
  routes: {
    'GET /health': () => ({ replica }),
    'GET /entries': async () => {
      const documents = await ask('/documents');
      const entries = documents.map(({ document }) => document).sort((a, b) => b.at.localeCompare(a.at));
      return { replica, entries: entries.slice(0, 100), total: entries.length };
    },
    'POST /entries': async (request) => {
      const { name, text } = await jsonOf(request);
      const entry = { name: line(name, 'name', 60), text: line(text, 'text', 500), at: new Date().toISOString() };
      await ask(`/documents?key=${randomUUID()}`, { method: 'PUT', body: JSON.stringify(entry) });
      return { replica, entry };
    },
  },
});

function line(value, what, limit) {
  if (typeof value !== 'string' || value.trim() === '') throw new Answer(400, `\`${what}\` is missing`);
  if (value.length > limit) throw new Answer(400, `\`${what}\` is longer than ${limit} characters`);
  return value.trim();
}

async function ask(path, options) {
  const response = await fetch(`${store}${path}`, { ...options, signal: AbortSignal.timeout(3000) });
  if (!response.ok) throw new Answer(502, `the store answered ${response.status}`);
  return response.json();
}
