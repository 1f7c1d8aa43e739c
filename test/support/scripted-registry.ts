import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

export interface ScriptedRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `GET /v2/…`, in the order they came; the probe for TLS is not among them. */
  readonly requests: readonly string[];
}

export type Script = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

/** A server on loopback that answers as the test says. `tls`: with this key and certificate. */
export async function scriptedRegistry(
  script: Script,
  { tls, address = '127.0.0.1' }: { readonly tls?: https.ServerOptions; readonly address?: string } = {},
): Promise<ScriptedRegistry> {
  const requests: string[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://server');
    if (url.pathname === '/v2/') {
      response.end();
      return;
    }
    requests.push(`${request.method} ${request.url}`);
    script(request, response, url);
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `${address}:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends content as a registry does, the part that is asked for. */
export function sendRange(request: IncomingMessage, response: ServerResponse, content: Buffer): void {
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const headers = { 'content-length': content.length - from };
  if (from === 0) response.writeHead(200, headers);
  else response.writeHead(206, { ...headers, 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` });
  response.end(content.subarray(from));
}

/** A key nobody needs to keep secret, and a certificate that no authority has signed. */
export const selfSigned = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4f8lA6Px6HoDTbL7
wUzNj4fXNVc5BB06lmzhptKiEQuhRANCAAQl5IOsod+sUmEEbXtVAb4uMAVRmBRK
/OssXRXWCuFwDlF/rRKCn1Yqec+AwNMTLlbiU5303O0kYkAOLoqDn8rt
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUdQFMT9vVJ+1RUoRPa6rjGqaARAkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAeFw0yNjExMjMwMDM4MzRaFw0zNjExMjAwMDM4MzRa
MA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQl5IOs
od+sUmEEbXtVAb4uMAVRmBRK/OssXRXWCuFwDlF/rRKCn1Yqec+AwNMTLlbiU530
3O0kYkAOLoqDn8rto1MwUTAdBgNVHQ4EFgQUC/KM2AGIJwHAl/y/0o5mA3d9dicw
HwYDVR0jBBgwFoAUC/KM2AGIJwHAl/y/0o5mA3d9dicwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNJADBGAiEAvaCmzKRx7ys1cSwN8Zi4c5Fe9pOilOX/7P99
NBQ12iQCIQCbJJScNTKVXT2kZtpn+IkYY//fkQRv87BU0/vnF9jjPA==
-----END CERTIFICATE-----
`,
};
