/** What goes wrong between us and a registry, as one sentence each. */
import { TsstackError } from '../../model/errors.ts';

export type FailureKind =
  | 'unknown-host'
  | 'unreachable'
  | 'certificate'
  | 'protocol'
  | 'unauthorized'
  | 'denied'
  | 'not-found'
  | 'rate-limited'
  | 'server'
  | 'refused'
  | 'cut-off'
  | 'wrong-content'
  | 'no-platform';

interface FailureDetail {
  readonly kind: FailureKind;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** It may work if it is tried again. */
  readonly transient?: boolean;
  /** How long the registry asks us to wait before that, ms. */
  readonly retryAfterMs?: number | undefined;
}

/** `doing` is `cannot pull …`. */
export class RegistryFailure extends TsstackError {
  readonly kind: FailureKind;
  readonly transient: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(doing: string, why: string, { kind, hint, cause, transient = false, retryAfterMs }: FailureDetail) {
    super(`${doing}: ${why}`, { code: 'image', hint, cause });
    this.kind = kind;
    this.transient = transient;
    this.retryAfterMs = retryAfterMs;
  }
}

/** `reached`: something came from this host before, so that a refused connection is a restart of it and no misspelt name. */
export function networkFailure(
  error: unknown,
  doing: string,
  { host, reached }: { readonly host: string; readonly reached: boolean },
): RegistryFailure {
  if (error instanceof RegistryFailure) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const fail = (why: string, detail: FailureDetail) => new RegistryFailure(doing, why, { ...detail, cause: error });
  const certificate = CERTIFICATE_ERRORS[code];
  if (certificate !== undefined) {
    const hint = `if you trust it, name its authority as \`ca\`, or the registry as \`insecure\`, in /etc/tsstack/registries.json`;
    return fail(`the certificate of \`${host}\` ${certificate}`, { kind: 'certificate', hint });
  }
  switch (code) {
    case 'ENOTFOUND':
      return fail(`the host \`${host}\` is unknown`, { kind: 'unknown-host', hint: 'is the name of the registry spelled right?' });
    case 'EAI_AGAIN':
      return fail(`no name server answers for \`${host}\``, {
        kind: 'unknown-host',
        hint: 'is there a network, and a name server in /etc/resolv.conf?',
        transient: reached,
      });
    case 'ECONNREFUSED':
      return fail(`\`${host}\` refuses connections`, {
        kind: 'unreachable',
        hint: 'is the registry running, and is this its port?',
        transient: reached,
      });
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return fail(`\`${host}\` cannot be reached`, {
        kind: 'unreachable',
        hint: 'is there a network? is a proxy needed (HTTPS_PROXY)?',
        transient: reached,
      });
    case 'ETIMEDOUT':
      return fail(`\`${host}\` does not answer`, { kind: 'unreachable', hint: 'is a proxy needed (HTTPS_PROXY)?', transient: reached });
    case 'EPROXY':
      return fail(message, { kind: 'unreachable', hint: 'HTTP_PROXY, HTTPS_PROXY and NO_PROXY say what goes through a proxy' });
    case 'EPROTO':
      return speaksNoTls(fail, host);
    case 'ECONNRESET':
    case 'EPIPE':
      return fail(`\`${host}\` closed the connection`, { kind: 'cut-off', transient: true });
    default:
      if (code.startsWith('ERR_SSL_')) return speaksNoTls(fail, host);
      return fail(`the connection to \`${host}\` failed: ${message}`, { kind: 'cut-off', transient: code.startsWith('HPE_') });
  }
}

function speaksNoTls(fail: (why: string, detail: FailureDetail) => RegistryFailure, host: string): RegistryFailure {
  const hint = `if it speaks plain HTTP only and you trust the network, name it as \`insecure\` in /etc/tsstack/registries.json`;
  return fail(`\`${host}\` does not speak TLS`, { kind: 'protocol', hint });
}

/** Whether the other end spoke, but no TLS. */
export function isNotTls(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code === 'ECONNRESET';
}

/** tls(4) of Node: "X509 certificate error codes". */
const CERTIFICATE_ERRORS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'is of an authority that nobody here trusts',
  UNABLE_TO_GET_ISSUER_CERT: 'is of an authority that nobody here knows',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is of an authority that nobody here knows',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is of an authority that nobody here knows',
  CERT_UNTRUSTED: 'is not trusted',
  CERT_REJECTED: 'is not trusted',
  CERT_SIGNATURE_FAILURE: 'has a wrong signature',
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet (is the clock of this host right?)',
  CERT_REVOKED: 'has been revoked',
  INVALID_PURPOSE: 'is not one for servers',
  HOSTNAME_MISMATCH: 'is for another host',
  ERR_TLS_CERT_ALTNAME_INVALID: 'is for another host',
};

export interface RefusedResponse {
  readonly status: number;
  readonly host: string;
  /** What is asked for: `library/postgres:17`. */
  readonly what: string;
  /** Code and message of the registry, as text. */
  readonly said: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly hasCredentials: boolean;
}

export function statusFailure(doing: string, { status, host, what, said, retryAfterMs, hasCredentials }: RefusedResponse): RegistryFailure {
  const because = said === undefined ? '' : ` (${said})`;
  const fail = (why: string, detail: FailureDetail) => new RegistryFailure(doing, `${why}${because}`, detail);
  switch (status) {
    case 401:
      if (hasCredentials)
        return fail(`\`${host}\` does not accept our credentials for \`${what}\``, {
          kind: 'unauthorized',
          hint: 'log in again with `docker login`, which writes ~/.docker/config.json',
        });
      return fail(`\`${host}\` wants to know who we are for \`${what}\`, or it does not exist`, {
        kind: 'unauthorized',
        hint: 'is the name spelled right? if it is private, `docker login` writes the credentials to ~/.docker/config.json',
      });
    case 403:
      return fail(`\`${host}\` denies access to \`${what}\``, { kind: 'denied', hint: 'does this account have the right to it?' });
    case 404:
      return fail(`\`${host}\` has no \`${what}\``, { kind: 'not-found', hint: 'are name and tag spelled right?' });
    case 408:
      return fail(`\`${host}\` waited too long for us`, { kind: 'cut-off', transient: true });
    case 413:
      return fail(`\`${host}\` takes nothing as large as \`${what}\``, {
        kind: 'refused',
        hint: 'the registry, or a proxy before it, has a limit: nginx calls it `client_max_body_size`',
      });
    case 429:
      return fail(`\`${host}\` gets too many requests from us`, {
        kind: 'rate-limited',
        hint:
          retryAfterMs === undefined
            ? 'wait a while, log in, or use a mirror'
            : `try again in ${formatWait(retryAfterMs)}, log in, or use a mirror`,
        transient: true,
        retryAfterMs,
      });
    default:
      if (status >= 500) return fail(`\`${host}\` failed with status ${status}`, { kind: 'server', transient: true, retryAfterMs });
      return fail(`\`${host}\` refused \`${what}\` with status ${status}`, { kind: 'refused' });
  }
}

export function formatWait(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
