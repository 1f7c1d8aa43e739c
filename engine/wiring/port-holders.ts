/** Who has ports of this host. */
import { socketHolders } from '../kernel/host-facts-holders.ts';
import { listeningSockets } from '../kernel/host-facts-network.ts';
import type { ListeningSocket } from '../model/facts.ts';
import { meets } from '../plan/port-holders.ts';

/** Names the holders of the sockets that are `chosen`. To find these takes tens of milliseconds on a busy host. */
export function withHolders(sockets: readonly ListeningSocket[], chosen: (socket: ListeningSocket) => boolean): ListeningSocket[] {
  const named = sockets.filter(chosen);
  const holders = named.length === 0 ? new Map<number, string>() : socketHolders(named.map(({ inode }) => inode));
  return sockets.map((socket) => {
    const holder = holders.get(socket.inode);
    return holder === undefined ? socket : { ...socket, holder };
  });
}

/** Those that listen now where somebody else would, with their holders. */
export function socketsInTheWay(address: string, port: number): ListeningSocket[] {
  const sockets = listeningSockets().filter((socket) => socket.port === port && meets(address, { address: socket.address, dual: true }));
  return withHolders(sockets, () => true);
}
