/** Addresses as people are shown them: of 127.0.0.1 and ::1, or 0.0.0.0 and ::, that have the same port only the first. Each begins with one. */
export function oncePerPair(texts: readonly string[]): readonly string[] {
  const all = new Set(texts);
  return [...all].filter((text) => {
    const twin = text.replace(/^\[::1\]/, '127.0.0.1').replace(/^\[::\]/, '0.0.0.0');
    return twin === text || !all.has(twin);
  });
}
