/** Requests to endpoints: with what they want to see of us, redirects followed, refusals as failures. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { parseRegistryErrors } from '../../codec/registry-errors.ts';
import { type Asker, abortable, openAsker, textOf } from './asking.ts';
import type { CredentialStore } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import type { HttpRequest } from './exchange.ts';
import { RegistryFailure, statusFailure } from './failures.ts';
import { retryAfter } from './retry.ts';
import type { Routes, Trust } from './routes.ts';
import type { SettingsOf } from './settings.ts';
import { type Asking, HostTokens } from './tokens.ts';

export interface Call {
  readonly method: HttpRequest['method'];
  /** Behind `/v2/`, the endpoint's prefix included; or where the registry sent us. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Opened anew for each time it is sent. */
  readonly body?: (() => Readable) | undefined;
  readonly scopes: readonly string[];
  /** What else but 2xx is an answer. */
  readonly accept?: readonly number[];
  /** For errors: `cannot pull …`, and what is asked for: `library/postgres:17`. */
  readonly doing: string;
  readonly what: string;
  readonly signal: AbortSignal;
}

export interface Answer {
  /** To be read to its end, or destroyed. */
  readonly response: IncomingMessage;
  readonly status: number;
  /** Where it came from in the end. */
  readonly url: URL;
}

export interface Client {
  /** Rejects with `RegistryFailure`, or the signal's reason. */
  send(endpoint: Endpoint, call: Call): Promise<Answer>;
}

export interface ClientParts {
  readonly routes: Routes;
  readonly credentials: CredentialStore;
  readonly settingsOf: SettingsOf;
  /** Of what is done once for all who wait for it. */
  readonly lifetime: AbortSignal;
  /** Milliseconds of the wall clock. */
  readonly now: () => number;
}

const MAX_REDIRECTS = 5;

export function openClient(parts: ClientParts): Client {
  const { credentials, settingsOf, lifetime, now } = parts;
  const asker = openAsker(parts.routes, lifetime);
  const tokens = new Map<string, HostTokens>();
  const hostOf = ({ registry }: Endpoint): HostTokens => {
    const host = tokens.get(registry) ?? new HostTokens(now);
    tokens.set(registry, host);
    return host;
  };
  return {
    async send(endpoint, call) {
      const { doing, signal } = call;
      const origin = await asker.originOf(endpoint, signal);
      const following = { asker, endpoint, origin, settingsOf };
      const asking = askingFor(endpoint, call, { asker, credentials, settingsOf, lifetime });
      const host = hostOf(endpoint);
      let authorization = await abortable(host.authorization(asking), signal);
      let answer = await follow(call, authorization, following);
      if (answer.status === 401 && answer.url.origin === origin) {
        answer.response.resume();
        const other = await abortable(host.challenged(answer.response.headers['www-authenticate'], authorization, asking), signal);
        if (other === undefined) throw refused(answer, call, authorization !== undefined);
        authorization = other;
        answer = await follow(call, authorization, following);
      }
      if ((answer.status >= 200 && answer.status < 300) || call.accept?.includes(answer.status)) return answer;
      const text = call.method === 'HEAD' ? undefined : await textOf(answer.response, { doing, host: answer.url.host, signal });
      const known = authorization !== undefined && (await credentials.of(endpoint.registry, lifetime)) !== undefined;
      const said = { text, retryAfterMs: retryAfter(answer.response.headers['retry-after'], now()) };
      const failure = refused(answer, call, known, said);
      throw answer.url.origin === origin ? failure : elsewhere(failure, answer, { endpoint, doing });
    },
  };
}

interface Following {
  readonly asker: Asker;
  readonly endpoint: Endpoint;
  readonly origin: string;
  readonly settingsOf: SettingsOf;
}

async function follow(call: Call, authorization: string | undefined, { asker, endpoint, origin, settingsOf }: Following): Promise<Answer> {
  const { method, target, doing, signal } = call;
  let url = typeof target === 'string' ? new URL(`${origin}/v2/${target}`) : target;
  for (let redirects = 0; ; redirects++) {
    // Who we are is for the registry alone: whom it sends us to is somebody else's host.
    const shown = url.origin === origin && authorization !== undefined ? { authorization } : {};
    const headers = { 'accept-encoding': 'identity', ...call.headers, ...shown };
    const response = await asker.ask({ method, url, headers, body: call.body?.(), signal }, trustIn(url, endpoint, settingsOf), doing);
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (status < 300 || status >= 400 || location === undefined || (method !== 'GET' && method !== 'HEAD'))
      return { response, status, url };
    response.destroy();
    const fail = (why: string) => new RegistryFailure(doing, `\`${url.host}\` ${why}`, { kind: 'protocol' });
    if (redirects === MAX_REDIRECTS) throw fail('sends us from one address to the next without end');
    if (!URL.canParse(location, url.href)) throw fail(`sends us to \`${location}\`, which is no address`);
    const to = new URL(location, url.href);
    const downgrade = to.protocol === 'http:' && url.protocol === 'https:' && !endpoint.insecure;
    if (downgrade || !/^https?:$/.test(to.protocol)) throw fail(`sends us to \`${to.protocol}//${to.host}\`, where nothing is encrypted`);
    url = to;
  }
}

interface AskingParts {
  readonly asker: Asker;
  readonly credentials: CredentialStore;
  readonly settingsOf: SettingsOf;
  readonly lifetime: AbortSignal;
}

/** Tokens are shared, so it is not the call's own signal that ends what is done for them. */
function askingFor(endpoint: Endpoint, { doing, scopes }: Call, { asker, credentials, settingsOf, lifetime }: AskingParts): Asking {
  return {
    doing,
    scopes,
    insecure: endpoint.insecure,
    credentials: () => credentials.of(endpoint.registry, lifetime),
    async ask({ url, authorization, form }) {
      const body = form === undefined ? undefined : Buffer.from(form);
      const headers = {
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }),
      };
      const request = { method: body === undefined ? 'GET' : 'POST', url, headers, body, signal: lifetime } as const;
      const response = await asker.ask(request, trustIn(url, endpoint, settingsOf), doing);
      return { status: response.statusCode ?? 0, text: (await textOf(response, { doing, host: url.host, signal: lifetime })) ?? '' };
    },
  };
}

function trustIn(url: URL, endpoint: Endpoint, settingsOf: SettingsOf): Trust {
  return url.host === endpoint.host ? endpoint : settingsOf(url.host);
}

function refused(
  { status, url }: Answer,
  { what, doing }: Call,
  hasCredentials: boolean,
  { text, retryAfterMs }: { readonly text?: string | undefined; readonly retryAfterMs?: number | undefined } = {},
): RegistryFailure {
  return statusFailure(doing, { status, host: url.host, what, hasCredentials, said: parseRegistryErrors(text), retryAfterMs });
}

/** An address elsewhere is signed, for a time: when that has run out, the registry gives a new one. */
function elsewhere(
  failure: RegistryFailure,
  { status, url }: Answer,
  { endpoint, doing }: { readonly endpoint: Endpoint; readonly doing: string },
) {
  if (failure.transient) return failure;
  const why = `\`${url.host}\`, where \`${endpoint.host}\` keeps it, refused it with status ${status}`;
  return new RegistryFailure(doing, why, { kind: failure.kind, transient: status === 400 || status === 401 || status === 403 });
}
