/** Programs of classic BPF (linux/filter.h): those of seccomp(2) and of cls_bpf. */
import { BPF_ABS, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W } from '../../native/abi/bpf.ts';

/** `struct sock_filter` */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** `size`: BPF_W, BPF_H or BPF_B. */
export function load(offset: number, size: number = BPF_W): Instruction {
  return { code: BPF_LD | size | BPF_ABS, jt: 0, jf: 0, k: offset };
}

/** `by`: how many instructions are left out where the condition holds and where it doesn't; 0 … 255. */
export function jump(condition: number, k: number, by: { readonly jt: number; readonly jf: number }): Instruction {
  return { code: BPF_JMP | condition | BPF_K, ...by, k };
}

export function answer(value: number): Instruction {
  return { code: BPF_RET | BPF_K, jt: 0, jf: 0, k: value };
}

/** An array of `struct sock_filter`, little endian. */
export function encodeProgram(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, true);
  });
  return bytes;
}
