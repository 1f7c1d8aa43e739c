import { get } from 'node:http';
import { setTimeout } from 'node:timers/promises';

export const page = 'bench\n';

/** A stack that does not answer was not brought up, however fast. @param {number} port */
export async function answers(port) {
  const deadline = performance.now() + 10_000;
  while (!(await isServed(port))) {
    if (performance.now() > deadline) throw new Error(`nobody answers on port ${port}`);
    await setTimeout(10);
  }
}

/** Whether the page comes. @param {number} port @param {number} timeoutMs after which it doesn't */
export function isServed(port, timeoutMs = 1000) {
  return new Promise((resolve) => {
    let body = '';
    const request = get({ host: '127.0.0.1', port, agent: false, timeout: timeoutMs }, (response) => {
      response.on('data', (data) => (body += data));
      response.on('error', () => {}); // cut off in the middle
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => {}); // not served
    request.on('close', () => resolve(body === page)); // however it ended
  });
}
