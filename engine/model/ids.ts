/** Who a stack is: its name, the real path of its directory, and an instance. Two clones never meet. */
export interface StackIdentity {
  readonly name: string;
  /** Real path of the directory that holds the stack file. */
  readonly directory: string;
  readonly instance: string | undefined;
  /** First 8 hex digits of sha256(directory NUL name NUL instance): in chain names, paths and marks. */
  readonly hash: string;
  /** `shop-3f9a1c2e`: its folder's name in the state directory and its cgroup's. */
  readonly id: string;
}

/** `web-1`: service and index, from 1. The long name is `shop-web-1`. */
export type ContainerName = string;

/** `kind:stack/name`, e.g. `link:shop/default`. Stable, shown to people, unique in a stack. */
export type ResourceId = string;
