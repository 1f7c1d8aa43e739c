/** Merges sequences that are each in order of time. Of lines with one time, those of earlier sequences go first. Holds one line of each. */
export function* mergeByTime<T extends { readonly time: string }>(sequences: readonly Iterable<T>[]): Generator<T> {
  const heads: { value: T; readonly rest: Iterator<T> }[] = [];
  for (const sequence of sequences) {
    const rest = sequence[Symbol.iterator]();
    const first = rest.next();
    if (first.done !== true) heads.push({ value: first.value, rest });
  }
  while (heads.length > 0) {
    // Linear: a stack has tens of containers, and parsing a line costs more than this.
    const earliest = heads.reduce((best, head) => (head.value.time < best.value.time ? head : best));
    yield earliest.value;
    const next = earliest.rest.next();
    if (next.done === true) heads.splice(heads.indexOf(earliest), 1);
    else earliest.value = next.value;
  }
}
