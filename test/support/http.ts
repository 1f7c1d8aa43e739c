import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * One GET (or what `method` says) over a connection of its own: `fetch` keeps connections open, which a world diff would call a leak.
 * Rejects when there is no answer within `timeoutMs` (default 3000).
 */
export function http(
  url: string,
  options: { readonly method?: string; readonly body?: string; readonly timeoutMs?: number } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: options.method ?? 'GET', agent: false, headers: { connection: 'close' } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    outgoing.setTimeout(options.timeoutMs ?? 3000, () => outgoing.destroy(new Error(`no answer from ${url}`)));
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}
