/** A small document store: `PUT /documents?key=…`, `GET /documents`. Each change is a line appended to one file, so a crash loses no more than its last line. */
import { open, readFile, truncate } from 'node:fs/promises';
import { Answer, jsonOf, serve } from './server.mjs';

const file = process.env.FILE ?? 'store.jsonl';
const documents = await replay(file);
const log = await open(file, 'a');
let writing = Promise.resolve();
console.log(`${documents.size} documents in ${file}`);

serve({
  name: 'store',
  port: Number(process.env.PORT ?? 4000),
  routes: {
    'GET /health': () => ({ documents: documents.size }),
    'GET /documents': () => [...documents].map(([key, document]) => ({ key, document })),
    'PUT /documents': async (request, url) => {
      const key = url.searchParams.get('key');
      if (!key) throw new Answer(400, 'which key?');
      const document = await jsonOf(request);
      await append({ key, document });
      documents.set(key, document);
      return { key };
    },
  },
  close: async () => {
    await writing.catch(() => {});
    await log.close();
  },
});

/** One after the other, and answered only when the disk has it. */
function append(change) {
  const written = writing.then(async () => {
    await log.appendFile(`${JSON.stringify(change)}\n`);
    await log.datasync();
  });
  writing = written.catch(() => {});
  return written;
}

/** Reads the file back. Half a line at its end (the power went) is cut off. */
async function replay(path) {
  const documents = new Map();
  const text = await readFile(path, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  for (const line of whole.split('\n').filter(Boolean)) {
    const { key, document } = JSON.parse(line);
    documents.set(key, document);
  }
  if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
  return documents;
}
