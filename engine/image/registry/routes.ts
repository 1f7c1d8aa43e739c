/** How to get to a URL: through which agent, by which proxy, trusting whom. Connections are kept and used again. */
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import { type Environment, proxyFor } from '../../codec/proxy-environment.ts';
import { TsstackError } from '../../model/errors.ts';
import { openTunnel, proxyAuthorization } from './proxy-tunnel.ts';

export interface Trust {
  /** Any certificate will do. */
  readonly insecure: boolean;
  /** File of PEM certificates trusted in addition to the host's. */
  readonly ca: string | undefined;
}

export interface Route {
  readonly secure: boolean;
  readonly agent: http.Agent;
  /** Ask this one, with the whole URL as path (RFC 9112, 3.2.2). Undefined: ask the URL's own host. */
  readonly via: URL | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

type Connection = (options: tls.ConnectionOptions, done: (error: Error | null, socket?: tls.TLSSocket) => void) => undefined;

/** More than we transfer at once: manifests must not queue behind blobs. */
const CONNECTIONS_A_HOST = 8;

export class Routes implements Disposable {
  readonly #environment: Environment;
  readonly #routes = new Map<string, Route>();
  readonly #contexts = new Map<string, tls.SecureContext>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  to(url: URL, trust: Trust): Route {
    const proxy = this.#proxy(url);
    const key = JSON.stringify([url.protocol, trust.insecure, trust.ca, proxy?.href]);
    const route = this.#routes.get(key) ?? this.#open(url, trust, proxy);
    this.#routes.set(key, route);
    return route;
  }

  #proxy(url: URL): URL | undefined {
    try {
      return proxyFor(url, this.#environment);
    } catch (error) {
      throw new TsstackError(`cannot ask \`${url.host}\`: ${(error as Error).message}`, { code: 'image', cause: error });
    }
  }

  #open(url: URL, trust: Trust, proxy: URL | undefined): Route {
    const secure = url.protocol === 'https:';
    if (!secure && proxy === undefined) return { secure, agent: new http.Agent(agentOptions), via: undefined, headers: {} };
    if (!secure && proxy !== undefined) {
      const throughTls = proxy.protocol === 'https:';
      const agent = throughTls
        ? new https.Agent({ ...agentOptions, secureContext: this.#context(undefined) })
        : new http.Agent(agentOptions);
      return { secure: throughTls, agent, via: proxy, headers: proxyAuthorization(proxy) };
    }
    // `ca` as an option would be part of the name of each connection: 200 KB of it.
    const options = trust.insecure ? { rejectUnauthorized: false } : { secureContext: this.#context(trust.ca) };
    const agent = new https.Agent({ ...agentOptions, ...options });
    if (proxy !== undefined) {
      const createConnection: Connection = (connection, done) => {
        const target = `${connection.host?.includes(':') ? `[${connection.host}]` : connection.host}:${connection.port}`;
        openTunnel(proxy, target, this.#context(undefined)).then(
          (socket) => done(null, tls.connect({ ...connection, ALPNProtocols: ['http/1.1'], socket })),
          (error: Error) => done(error),
        );
        return undefined;
      };
      Object.assign(agent, { createConnection });
    }
    return { secure, agent, via: undefined, headers: {} };
  }

  /** Made when first needed: reading 140 certificates takes some 50 ms. */
  #context(ca: string | undefined): tls.SecureContext {
    let context = this.#contexts.get(ca ?? '');
    if (context === undefined) {
      const own = ca === undefined ? [] : [readCertificates(ca)];
      context = tls.createSecureContext({ ca: [...(hostCertificates(this.#environment) ?? tls.rootCertificates), ...own] });
      this.#contexts.set(ca ?? '', context);
    }
    return context;
  }

  [Symbol.dispose](): void {
    for (const { agent } of this.#routes.values()) agent.destroy();
    this.#routes.clear();
  }
}

const agentOptions = {
  keepAlive: true,
  maxSockets: CONNECTIONS_A_HOST,
  scheduling: 'lifo',
  // Node's 250 ms give up on addresses far away before they could answer.
  autoSelectFamilyAttemptTimeout: 2500,
} as const;

/** Of Debian and its kin, Red Hat's, Alpine's. An administrator's own authority is in there, and not in Node's list. */
const HOST_CERTIFICATES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

function hostCertificates(environment: Environment): readonly string[] | undefined {
  const named = environment['SSL_CERT_FILE'];
  const file = named || HOST_CERTIFICATES.find((path) => fs.existsSync(path));
  return file === undefined ? undefined : [readCertificates(file)];
}

function readCertificates(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new TsstackError(`cannot read the certificates in \`${path}\`: ${(error as NodeJS.ErrnoException).code}`, {
      code: 'image',
      cause: error,
    });
  }
}
