/** Bytes, or text such as `'512MiB'`; `MB` is 10^6, `MiB` 2^20, and Compose's `b`, `k`, `m`, `g` are binary. */
export type Size = number | string;
/** Milliseconds, or text such as `'1m30s'`, `'500ms'`. */
export type Duration = number | string;
export type Scalar = string | number | boolean;

export interface Labels {
  readonly [name: string]: Scalar;
}
