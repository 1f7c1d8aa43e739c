import { socketHolders } from '../kernel/host-facts-holders.ts';
import type { ListeningSocket } from '../model/facts.ts';

/** Names the holders of the sockets that are `chosen`. To find these takes tens of milliseconds on a busy host. */
export function withHolders(sockets: readonly ListeningSocket[], chosen: (socket: ListeningSocket) => boolean): ListeningSocket[] {
  const named = sockets.filter(chosen);
  const holders = named.length === 0 ? new Map<number, string>() : socketHolders(named.map(({ inode }) => inode));
  return sockets.map((socket) => {
    const holder = holders.get(socket.inode);
    return holder === undefined ? socket : { ...socket, holder };
  });
}
