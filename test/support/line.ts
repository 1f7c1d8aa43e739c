/** A TCP connection that is held: to a server that sends back what it is sent. */
import { once } from 'node:events';
import net from 'node:net';
import { patience } from './patience.ts';
import { until } from './until.ts';

export interface Line extends Disposable {
  /** Sends a text that was never sent before, and resolves when it has come back. Rejects if the connection ends, or in 10 s. */
  echoes(): Promise<void>;
}

/** In busybox: a process for each connection, which ends with it. */
export const echo = { command: ['nc', '-ll', '-p', '7000', '-e', 'cat'] };

let sent = 0;

/** Connected when somebody answers. */
export async function holdLine(port: number, host = '127.0.0.1'): Promise<Line> {
  return until(`${host}:${port} echoes`, () => open(port, host));
}

async function open(port: number, host: string): Promise<Line> {
  const socket = net.connect({ port, host, noDelay: true });
  const line = lineOf(socket, `${host}:${port}`);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1000) });
    await line.echoes();
    return line;
  } catch (error) {
    line[Symbol.dispose]();
    throw error;
  }
}

function lineOf(socket: net.Socket, name: string): Line {
  let received = '';
  let over: string | undefined;
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.on('error', (error) => {
    over = error.message;
  });
  socket.on('close', () => {
    over ??= 'it was closed';
  });
  return {
    async echoes() {
      const text = `<${++sent}>`;
      socket.write(text);
      const deadline = performance.now() + 10_000 * patience;
      while (!received.includes(text)) {
        if (over !== undefined) throw new Error(`the connection to ${name} is lost: ${over}`);
        if (performance.now() > deadline) throw new Error(`nothing comes back from ${name}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
