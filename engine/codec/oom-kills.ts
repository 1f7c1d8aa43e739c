/** N of the line `oom_kill N` of v2's `memory.events` or v1's `memory.oom_control`. Kernels before 4.13 don't count: 0. */
export function parseOomKills(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** v1 tells before it counts (mm/memcontrol-v1.c, memcg1_oom_prepare); v2 counts first (mm/memcontrol.c, memcg_memory_event). */
export function isToldBeforeCounted(oomFile: string): boolean {
  return oomFile.endsWith('/memory.oom_control');
}
