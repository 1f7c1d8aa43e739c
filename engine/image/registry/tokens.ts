/**
 * What we show a registry so that it lets us in: nothing, a password (Basic), or a token of its token server (distribution
 * `spec/auth/token.md`, `oauth.md`). Nothing is shown before it was asked for.
 */
import type { Credentials } from '../../codec/docker-config.ts';
import { parseChallenges } from '../../codec/www-authenticate.ts';
import { RegistryFailure } from './failures.ts';

export type AskTokenServer = (request: {
  readonly url: URL;
  readonly authorization: string | undefined;
  /** Of a POST, form-encoded; undefined: a GET. */
  readonly form: string | undefined;
}) => Promise<{ readonly status: number; readonly text: string }>;

export interface Asking {
  readonly doing: string;
  /** `repository:library/postgres:pull`. */
  readonly scopes: readonly string[];
  /** Only asked for where a server wants to know. */
  readonly credentials: () => Promise<Credentials | undefined>;
  readonly ask: AskTokenServer;
  /** Tokens are shown to whoever asks for them, passwords to HTTPS and to whom we trust without. */
  readonly insecure: boolean;
}

interface Realm {
  readonly url: string;
  readonly service: string | undefined;
}

interface Token {
  readonly authorization: string;
  /** By the clock of `now`, ms. */
  readonly until: number;
}

/** Seconds a token is good for if nobody says (`token.md`, "expires_in"). */
const DEFAULT_LIFETIME_S = 60;
/** What it must still be good for when we send it. */
const LEEWAY_MS = 5000;

/** Of one host. */
export class HostTokens {
  readonly #now: () => number;
  #realm: Realm | undefined;
  #constant: string | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What to send along. Undefined: nothing, as far as we know. */
  async authorization(asking: Asking): Promise<string | undefined> {
    if (this.#constant !== undefined) return this.#constant;
    return this.#realm === undefined ? undefined : await this.#tokenFor(this.#realm, asking);
  }

  /** After a 401 to `sent`: what to send instead. Undefined: there is nothing else. */
  async challenged(header: string | undefined, sent: string | undefined, asking: Asking): Promise<string | undefined> {
    const challenges = parseChallenges(header ?? '');
    const credentials = await asking.credentials();
    const answer = await this.#answer(challenges, credentials, { sent, asking });
    return answer === sent ? undefined : answer;
  }

  async #answer(
    challenges: ReturnType<typeof parseChallenges>,
    credentials: Credentials | undefined,
    { sent, asking }: { readonly sent: string | undefined; readonly asking: Asking },
  ): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')?.parameters;
    if (bearer?.['realm'] !== undefined) {
      if (credentials?.kind === 'bearer') {
        this.#constant = `Bearer ${credentials.token}`;
        return this.#constant;
      }
      this.#realm = { url: bearer['realm'], service: bearer['service'] };
      const more = bearer['scope']?.split(' ').filter((scope) => scope !== '' && !asking.scopes.includes(scope)) ?? [];
      await this.#forget(asking.scopes, sent);
      // Under our own scopes, so that the next request finds it; with the server's, since it knows better what it wants.
      return await this.#tokenFor(this.#realm, { ...asking, more });
    }
    if (challenges.some(({ scheme }) => scheme === 'basic') && credentials?.kind === 'password') {
      this.#constant = basic(credentials);
      return this.#constant;
    }
    return undefined;
  }

  /** Unless somebody else got a new one meanwhile. */
  async #forget(scopes: readonly string[], sent: string | undefined): Promise<void> {
    const key = scopes.join(' ');
    const known = this.#tokens.get(key);
    if (known === undefined || sent === undefined) return;
    const { authorization } = await known;
    if (authorization === sent && this.#tokens.get(key) === known) this.#tokens.delete(key);
  }

  async #tokenFor(realm: Realm, asking: Asking & { readonly more?: readonly string[] }): Promise<string> {
    const key = asking.scopes.join(' ');
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      const { authorization, until } = await known;
      if (until - LEEWAY_MS > this.#now()) return authorization;
      // Whoever else waited for the same old one may have been quicker.
      if (this.#tokens.get(key) !== known) return await this.#tokenFor(realm, asking);
    }
    const token = this.#fetch(realm, asking);
    this.#tokens.set(key, token);
    token.catch(() => {
      if (this.#tokens.get(key) === token) this.#tokens.delete(key);
    });
    return (await token).authorization;
  }

  async #fetch(
    realm: Realm,
    { doing, scopes, more = [], credentials, ask, insecure }: Asking & { readonly more?: readonly string[] },
  ): Promise<Token> {
    const known = await credentials();
    const request = tokenRequest(realm, [...scopes, ...more], known);
    if (!URL.canParse(realm.url) || !/^https?:$/.test(new URL(realm.url).protocol)) {
      throw new RegistryFailure(doing, `the registry sends us to \`${realm.url}\` for a token, which is no address`, { kind: 'protocol' });
    }
    if (request.secret && request.url.protocol !== 'https:' && !insecure) {
      throw new RegistryFailure(doing, `the registry wants our password sent to \`${request.url.host}\` unencrypted`, { kind: 'protocol' });
    }
    const { status, text } = await ask(request);
    if (status !== 200) throw tokenRefused(doing, { status, host: request.url.host, hasCredentials: known !== undefined });
    return parseToken(text, this.#now()) ?? failed(doing, `the answer of \`${request.url.host}\` holds no token`);
  }
}

function tokenRequest(realm: Realm, scopes: readonly string[], credentials: Credentials | undefined) {
  const url = URL.canParse(realm.url) ? new URL(realm.url) : new URL('http://invalid');
  if (credentials?.kind === 'identity') {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'tsstack',
      refresh_token: credentials.token,
      scope: scopes.join(' '),
      ...(realm.service === undefined ? {} : { service: realm.service }),
    });
    return { url, authorization: undefined, form: form.toString(), secret: true };
  }
  if (realm.service !== undefined) url.searchParams.set('service', realm.service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credentials?.kind !== 'password') return { url, authorization: undefined, form: undefined, secret: false };
  url.searchParams.set('account', credentials.username);
  return { url, authorization: basic(credentials), form: undefined, secret: true };
}

function parseToken(text: string, now: number): Token | undefined {
  let value: Readonly<Record<string, unknown>> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const token = value?.['token'] || value?.['access_token'];
  const lifetime = value?.['expires_in'];
  if (typeof token !== 'string') return undefined;
  const seconds = typeof lifetime === 'number' ? Math.max(DEFAULT_LIFETIME_S, lifetime) : DEFAULT_LIFETIME_S;
  return { authorization: `Bearer ${token}`, until: now + seconds * 1000 };
}

function tokenRefused(
  doing: string,
  { status, host, hasCredentials }: { readonly status: number; readonly host: string; readonly hasCredentials: boolean },
) {
  if (status === 429 || status >= 500) {
    const kind = status === 429 ? 'rate-limited' : 'server';
    return new RegistryFailure(doing, `\`${host}\` gives out no token now (status ${status})`, { kind, transient: true });
  }
  const why = hasCredentials ? 'does not accept our credentials' : 'gives no token to nobody in particular';
  return new RegistryFailure(doing, `\`${host}\` ${why} (status ${status})`, {
    kind: 'unauthorized',
    hint: 'log in with `docker login`, which writes ~/.docker/config.json',
  });
}

function failed(doing: string, why: string): never {
  throw new RegistryFailure(doing, why, { kind: 'protocol' });
}

function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
