/** What is tested: adds two numbers. */
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname !== '/sum') return response.writeHead(404).end();
  const sum = Number(searchParams.get('a')) + Number(searchParams.get('b'));
  if (Number.isNaN(sum)) return response.writeHead(400).end('two numbers, please');
  response.end(String(sum));
});
server.listen(3000, () => console.log('listening'));
process.once('SIGTERM', () => server.close());
