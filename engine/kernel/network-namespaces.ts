import { withNetns } from '../../native/ffi/netns.ts';
import { openHomeRtnetlink, openRtnetlink, type RtnetlinkConnection } from '../../native/netlink/connection.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContainerName } from '../model/ids.ts';
import type { NetnsRef } from '../model/resources.ts';

/** Connections into the network namespaces a stack has to do with. Each is opened when first asked for. */
export interface NetworkNamespaces extends Disposable {
  readonly host: RtnetlinkConnection;
  /**
   * Opened inside `/proc/<init pid>/ns/net`, kept until `forget`, dispose, or the container has another init.
   * Throws TsstackError `not-found` if its init is gone.
   */
  container(name: ContainerName): RtnetlinkConnection;
  /** Does synchronous work in a network namespace, as reading and writing its /proc/sys/net. Throws as `container` and `work` do. */
  inside(netns: NetnsRef, work: () => void): void;
  /** Pid of the container's init, as the host sees it. */
  initPid(name: ContainerName): number;
  /** Closes the container's connection, if there is one. An open one keeps the namespace, and the veths in it, after its last process. */
  forget(name: ContainerName): void;
}

/** `hostNetns`: path of the namespace that counts as the host's; default: the one this thread is in. */
export function openNetworkNamespaces(initPid: (name: ContainerName) => number, hostNetns?: string): NetworkNamespaces {
  let host: RtnetlinkConnection | undefined;
  const containers = new Map<ContainerName, { readonly pid: number; readonly connection: RtnetlinkConnection }>();

  const forget = (name: ContainerName): void => {
    containers.get(name)?.connection[Symbol.dispose]();
    containers.delete(name);
  };
  return {
    get host() {
      host ??= hostNetns === undefined ? openHomeRtnetlink() : withNetns(hostNetns, openRtnetlink);
      return host;
    },
    container(name) {
      const pid = initPid(name);
      const known = containers.get(name);
      if (known?.pid === pid) return known.connection;
      forget(name);
      const connection = openInContainer(name, pid);
      containers.set(name, { pid, connection });
      return connection;
    },
    inside(netns, work) {
      const path = netns.in === 'host' ? hostNetns : `/proc/${initPid(netns.container)}/ns/net`;
      if (path === undefined) work();
      else withNetns(path, work);
    },
    initPid,
    forget,
    [Symbol.dispose]() {
      host?.[Symbol.dispose]();
      host = undefined;
      for (const name of [...containers.keys()]) forget(name);
    },
  };
}

/** The connection for where a link, address or route is. */
export function connectionTo(namespaces: NetworkNamespaces, netns: NetnsRef): RtnetlinkConnection {
  return netns.in === 'host' ? namespaces.host : namespaces.container(netns.container);
}

function openInContainer(name: ContainerName, pid: number): RtnetlinkConnection {
  try {
    return withNetns(`/proc/${pid}/ns/net`, openRtnetlink);
  } catch (cause) {
    const gone = cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ESRCH');
    throw new TsstackError(
      `cannot enter the network namespace of container \`${name}\`: ${gone ? `process ${pid} is gone` : reason(cause)}`,
      {
        code: gone ? 'not-found' : 'kernel',
        cause,
      },
    );
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
