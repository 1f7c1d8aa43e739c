/** Messages over TCP: each after its length in two bytes (RFC 1035, 4.2.2). */

export function frame(message: Buffer): Buffer {
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Takes bytes as they come, and tells each message when it is whole. Keeps at most one that isn't: 64 KiB. */
export function readFrames(onMessage: (message: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= 2) {
      const end = 2 + rest.readUInt16BE(0);
      if (rest.length < end) return;
      const message = rest.subarray(2, end);
      rest = rest.subarray(end);
      onMessage(message);
    }
  };
}
