/** `linux/arm64/v8`: which of the manifests of an index fits (image-spec image-index.md, "platform"). */

export interface Platform {
  readonly os: string;
  /** As Go calls them: `amd64`, `arm64`, `arm`. */
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** `arch` is Node's: `x64`, `arm64`. */
export function hostPlatform(arch: string): Platform {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le', loong64: 'loong64' };
  return { os: 'linux', architecture: names[arch] ?? arch };
}

/** Undefined: not `os/architecture[/variant]`. Other names that people use for an architecture are understood. */
export function parsePlatform(text: string): Platform | undefined {
  const [, os, architecture, variant] = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/i.exec(text) ?? [];
  if (os === undefined || architecture === undefined) return undefined;
  return normalize({ os, architecture, variant });
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === undefined || variant === '' ? '' : `/${variant}`}`;
}

/**
 * The best for `wanted`, undefined if none runs there. A CPU runs what was made for an older variant of it, never what was made for a
 * newer one. Without a variant wanted, the plainest (arm64, amd64) or the newest up to v7 (arm). What names no platform is the last resort.
 */
export function choosePlatform<T extends { readonly platform?: Platform | undefined }>(
  candidates: readonly T[],
  wanted: Platform,
): T | undefined {
  const most = variantLevel(normalize(wanted));
  let best: { readonly candidate: T; readonly level: number } | undefined;
  for (const candidate of candidates) {
    if (candidate.platform === undefined || !samePlatform(candidate.platform, wanted)) continue;
    const level = variantLevel(normalize(candidate.platform));
    if (level <= most && (best === undefined || level > best.level)) best = { candidate, level };
  }
  return best?.candidate ?? candidates.find(({ platform }) => platform === undefined);
}

/** Whether what was made for `made` runs on `host`. */
export function platformFits(made: Platform, host: Platform): boolean {
  return choosePlatform([{ platform: made }], host) !== undefined;
}

function samePlatform(a: Platform, b: Platform): boolean {
  const [left, right] = [normalize(a), normalize(b)];
  return left.os === right.os && left.architecture === right.architecture;
}

function normalize({ os, architecture, variant }: Platform): Platform {
  const names: Readonly<Record<string, string>> = { x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64', armhf: 'arm', i386: '386' };
  const lower = architecture.toLowerCase();
  return { os: os.toLowerCase(), architecture: names[lower] ?? lower, ...(variant ? { variant: variant.toLowerCase() } : {}) };
}

/** `v7` → 7. What images leave out is the oldest variant of amd64 (v1), v8 of arm64 and v7 of arm (containerd `platforms/compare.go`). */
function variantLevel({ architecture, variant }: Platform): number {
  const unsaid: Readonly<Record<string, number>> = { amd64: 1, arm64: 8, arm: 7 };
  const level = /^v?(\d+(?:\.\d+)?)$/.exec(variant ?? '')?.[1];
  return level === undefined ? (unsaid[architecture] ?? 0) : Number(level);
}
