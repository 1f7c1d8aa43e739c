import { writeSync } from 'node:fs';
import { O_RDONLY } from '../abi/fcntl.ts';
import { CLONE_NEWNET } from '../abi/sched.ts';
import { checked, libc } from './libc.ts';
import { OwnedFd } from './owned-fd.ts';

/** What `withNetns` may return: anything but a promise, whose work would go on after it came home. */
type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Runs `fn` with this thread in the network namespace at `path` (`/proc/<pid>/ns/net`) and comes home, also when `fn` throws.
 * A socket opened in `fn` stays in that namespace (network_namespaces(7)); everything else is as before.
 *
 * `fn` must be synchronous and start no thread: a thread is born into the namespace of the one that starts it, and the rest of
 * the program would run there during an `await`.
 *
 * Throws SyscallError (setns: EPERM without CAP_SYS_ADMIN) or Node's error for a path that can't be opened.
 */
export function withNetns<T>(path: string, fn: () => Synchronous<T>): T {
  const home = OwnedFd.open('/proc/thread-self/ns/net', O_RDONLY);
  try {
    const target = OwnedFd.open(path, O_RDONLY);
    try {
      checked('setns', libc().setns(target.fd, CLONE_NEWNET));
    } finally {
      target[Symbol.dispose]();
    }
    try {
      return fn();
    } finally {
      comeHome(home);
    }
  } finally {
    home[Symbol.dispose]();
  }
}

/**
 * INVARIANT: outside `withNetns` this thread is at home. A thread that stays away would change the links, routes and firewall of
 * a container believing them the host's, and no caller could tell; an exception could be caught. So the process ends instead.
 */
function comeHome(home: OwnedFd): void {
  try {
    checked('setns', libc().setns(home.fd, CLONE_NEWNET));
  } catch (error) {
    writeSync(2, `tsstack: cannot return to the own network namespace: ${String(error)}\n`);
    libc().abort();
  }
}
