/** Small clients and servers of a test's own, each of which leaves nothing open. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

/** One datagram, and the text of the answer. Rejects when there is none within half a second. */
export async function askUdp(port: number, text: string, address = '127.0.0.1'): Promise<string> {
  const socket = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  try {
    socket.send(text, port, address);
    const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(500) });
    return String(answer);
  } finally {
    socket.close();
  }
}

/** Listens on TCP, or is bound on UDP, while `body` works. Rejects with EADDRINUSE if somebody else has it. */
export async function withSocket(
  protocol: 'tcp' | 'udp',
  { address, port }: { readonly address: string; readonly port: number },
  body: () => Promise<void> = async () => undefined,
): Promise<void> {
  const socket = protocol === 'tcp' ? net.createServer() : dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
  if (socket instanceof net.Server) socket.listen({ host: address, port, ipv6Only: true });
  else socket.bind({ address, port });
  try {
    await once(socket, 'listening');
  } catch (error) {
    // A server that never listened is closed already.
    if (socket instanceof dgram.Socket) socket.close();
    throw error;
  }
  try {
    await body();
  } finally {
    socket.close();
    await once(socket, 'close');
  }
}
