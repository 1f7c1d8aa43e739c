/** Just enough of classic BPF (linux/filter.h) to run a seccomp filter; anything else is an error. Returns the action and the instructions run. */
export function runFilter(
  program: Uint8Array,
  call: { arch: number; nr: number; args?: readonly number[] },
): { action: number; steps: number } {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.nr, true);
  data.setUint32(4, call.arch, true);
  for (const [index, value] of (call.args ?? []).entries()) data.setBigUint64(16 + index * 8, BigInt.asUintN(64, BigInt(value)), true);
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0, steps = 1; at * 8 < program.byteLength; steps++, at++) {
    const [code, jt, jf, k] = [
      view.getUint16(at * 8, true),
      view.getUint8(at * 8 + 2),
      view.getUint8(at * 8 + 3),
      view.getUint32(at * 8 + 4, true),
    ];
    if (code === 0x20) accumulator = data.getUint32(k, true);
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x06) return { action: k, steps };
    else throw new Error(`instruction ${at}: code 0x${code.toString(16)}`);
  }
  throw new Error('ran past the end');
}
