/** Bytes written as hex in groups, as in a dump. */
export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
}

export function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}
