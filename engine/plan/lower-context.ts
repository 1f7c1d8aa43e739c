import type { StackSpec } from '../../dsl/spec.ts';
import type { Allocation, HostFacts } from '../model/facts.ts';
import type { StackIdentity } from '../model/ids.ts';
import type { Allocated } from './allocate.ts';

/** What the parts of lowering share. */
export interface LowerContext {
  readonly spec: StackSpec;
  readonly stack: StackIdentity;
  readonly facts: HostFacts;
  readonly allocation: Allocation;
  readonly networks: Allocated['networks'];
  /** Network → address of its bridge, if this stack makes that. */
  readonly gateways: Readonly<Record<string, string>>;
  /** As `gateways`, IPv6. */
  readonly gateways6: Readonly<Record<string, string>>;
}
