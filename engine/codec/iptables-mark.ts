/** Every rule of ours bears its mark in a comment (iptables-extensions(8), comment). */
const PREFIX = 'tsstack:';

export function markComment(mark: string): string {
  return `-m comment --comment "${PREFIX}${mark}"`;
}

/** Of a rule as iptables-save prints it. Undefined: it bears none. */
export function markOf(rule: string): string | undefined {
  return /--comment "?tsstack:([0-9a-f]{8})"?(?: |$)/.exec(rule)?.[1];
}
