import type { ContainerName } from './ids.ts';
import type { NetnsRef } from './resources.ts';

/**
 * That something changed in the kernel, whoever changed it: no more than where to look. What is there now is observed, never
 * taken from the event.
 */
export type KernelEvent =
  /** rtnetlink(7) multicast. `ifindex`: of the link, or the one the address or route is on; 0: unknown. `netconf`: forwarding and the like. */
  | {
      readonly kind: 'link' | 'address' | 'route' | 'netconf' | 'traffic-control';
      readonly change: 'new' | 'deleted';
      readonly netns: NetnsRef;
      readonly ifindex: number;
    }
  /** Somebody committed a change of nftables, which is what iptables-nft writes, or changed a watched table of the legacy iptables. */
  | { readonly kind: 'rules' }
  /** A mount came or went in the container's mount namespace (proc(5), mountinfo and poll). */
  | { readonly kind: 'mounts'; readonly container: ContainerName }
  /**
   * The container's cgroup ran out of memory. What was killed is counted in `LaunchSpec.oomFile`: by v2 before this is told, by v1 a
   * moment later or never.
   */
  | { readonly kind: 'oom'; readonly container: ContainerName }
  /** Messages were lost (ENOBUFS): anything may have changed there. */
  | { readonly kind: 'lost'; readonly netns: NetnsRef };
