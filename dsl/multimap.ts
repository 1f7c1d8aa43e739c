/** Maps that hold several values under one key, in the order in which they came. */
export function groupBy<K, T>(all: Iterable<T>, keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) append(groups, keyOf(one), one);
  return groups;
}

export function append<K, V>(groups: Map<K, V[]>, key: K, ...values: readonly V[]): void {
  const known = groups.get(key);
  if (known) known.push(...values);
  else groups.set(key, [...values]);
}
