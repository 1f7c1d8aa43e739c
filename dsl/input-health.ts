import type { Duration, Scalar } from './input-values.ts';

/** One of `test`, `http`, `tcp` and `log` tells whether the container is healthy. */
export interface HealthcheckInput {
  /** Text runs in `/bin/sh -c`. Exit code 0 is healthy. */
  readonly test?: string | readonly ['CMD', string, ...string[]] | readonly ['CMD-SHELL', string] | readonly ['NONE'];
  /** GET to the container's own address, `'8080/ready'` or `8080`: a status of 200 … 399 is healthy. */
  readonly http?: number | `${number}` | `${number}/${string}` | HttpProbeInput;
  /** A port on which the container takes connections. */
  readonly tcp?: number;
  /** What a line of output since the start matches; text is looked for as it is. Once seen, it stays healthy. */
  readonly log?: string | RegExp;
  /** Time between probes, default 30 s. */
  readonly interval?: Duration;
  /** After which a probe has failed, default 30 s. */
  readonly timeout?: Duration;
  /** Failures in a row that make it unhealthy, default 3. */
  readonly retries?: number;
  /** Failures in this time after the start don't count, default 30 s; the first success ends it. */
  readonly startPeriod?: Duration;
  /** Time between probes until the first success, default 100 ms. */
  readonly startInterval?: Duration;
  /** Restart the container when it is unhealthy, default true. */
  readonly restart?: boolean;
  readonly disable?: boolean;
}

export interface HttpProbeInput {
  /** In the container, 1 … 65535. */
  readonly port: number;
  /** Starts with `/`, may have a query. Default `/`. */
  readonly path?: string;
  readonly headers?: { readonly [name: string]: Scalar };
}
