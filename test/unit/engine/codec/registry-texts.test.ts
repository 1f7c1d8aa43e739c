import { describe, expect, test } from 'vitest';
import { parseDockerConfig, parseHelperAnswer } from '../../../../engine/codec/docker-config.ts';
import { proxyFor } from '../../../../engine/codec/proxy-environment.ts';
import { parseRegistriesFile } from '../../../../engine/codec/registries-file.ts';
import { parseRegistryErrors } from '../../../../engine/codec/registry-errors.ts';
import { parseChallenges } from '../../../../engine/codec/www-authenticate.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('WWW-Authenticate', () => {
  test.each([
    ['Basic realm="x"', [{ scheme: 'basic', parameters: { realm: 'x' } }]],
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        {
          scheme: 'bearer',
          parameters: { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' },
        },
      ],
    ],
    [
      'Negotiate, BEARER Realm = plain , Basic realm="a \\"b\\", c"',
      [
        { scheme: 'negotiate', parameters: {} },
        { scheme: 'bearer', parameters: { realm: 'plain' } },
        { scheme: 'basic', parameters: { realm: 'a "b", c' } },
      ],
    ],
    ['', []],
    ['realm="of nobody"', []],
  ])('%s', (header, challenges) => {
    expect(parseChallenges(header)).toEqual(challenges);
  });
});

describe('config.json of Docker', () => {
  test('passwords, tokens and helpers are found under the host', () => {
    const config = parseDockerConfig(
      JSON.stringify({
        auths: {
          'https://index.docker.io/v1/': { auth: base64('me:pass:word') },
          'ghcr.io': { username: 'you', password: 'p' },
          'quay.io/v2/': { auth: base64('x:y'), identitytoken: 'id' },
          'azure.test': { registrytoken: 'tok' },
          'helped.test': {},
        },
        credHelpers: { 'gcr.io': 'gcloud' },
        credsStore: 'pass',
      }),
    );
    expect(config).toEqual({
      auths: {
        'docker.io': { kind: 'password', username: 'me', password: 'pass:word' },
        'ghcr.io': { kind: 'password', username: 'you', password: 'p' },
        'quay.io': { kind: 'identity', token: 'id' },
        'azure.test': { kind: 'bearer', token: 'tok' },
      },
      credHelpers: { 'gcr.io': 'gcloud' },
      credsStore: 'pass',
    });
  });

  test.each([
    ['no', 'it is not JSON'],
    ['[]', 'it is not an object'],
    ['{"auths":{"a":{"auth":"eA=="}}}', '`auth` of `a` is not the base64 of user:password'],
    ['{"credsStore":"../../bin/sh"}', 'is not the name of a credential helper'],
    ['{"credHelpers":{"a":"x y"}}', 'is not the name of a credential helper'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseDockerConfig(text)).toThrow(why);
  });

  test('a helper gives a password, or an identity token under a special name', () => {
    expect(parseHelperAnswer('{"ServerURL":"x","Username":"u","Secret":"s"}')).toEqual({ kind: 'password', username: 'u', password: 's' });
    expect(parseHelperAnswer('{"Username":"<token>","Secret":"s"}')).toEqual({ kind: 'identity', token: 's' });
    expect(() => parseHelperAnswer('{"Secret":"s"}')).toThrow();
  });
});

describe('registries.json', () => {
  test('mirrors, trust and certificates', () => {
    const text =
      '{"registries":{"docker.io":{"mirrors":["mirror.test:5000","http://10.0.0.1/hub/"]},"a:5000":{"insecure":true,"ca":"/etc/a.pem"}}}';
    expect(parseRegistriesFile(text)).toEqual({
      'docker.io': { mirrors: ['https://mirror.test:5000', 'http://10.0.0.1/hub'], insecure: false, ca: undefined },
      'a:5000': { mirrors: [], insecure: true, ca: '/etc/a.pem' },
    });
    expect(parseRegistriesFile('{}')).toEqual({});
  });

  test.each([
    ['{', 'it is not JSON'],
    ['{"registry":{}}', '`registry` is not known; did you mean `registries`?'],
    ['{"registries":{"a":{"mirror":[]}}}', '`registries["a"].mirror` is not known; did you mean `mirrors`?'],
    ['{"registries":{"a/b":{}}}', '`a/b` is not a registry'],
    ['{"registries":{"a":{"mirrors":["ftp://x"]}}}', '`registries["a"].mirrors[0]` is not the address of a registry: "ftp://x"'],
    ['{"registries":{"a":{"insecure":"yes"}}}', '`registries["a"].insecure` is neither true nor false'],
    ['{"registries":{"a":{"ca":"a.pem"}}}', '`registries["a"].ca` is not an absolute path'],
  ])('%s is refused: %s', (text, why) => {
    expect(() => parseRegistriesFile(text)).toThrow(why);
  });
});

describe('proxies', () => {
  const environment = { HTTPS_PROXY: 'http://user:pw@proxy.test:3128', http_proxy: 'plain.test:8080' };
  const via = (url: string, more: Readonly<Record<string, string>> = {}) => proxyFor(new URL(url), { ...environment, ...more })?.host;

  test.each([
    ['https://ghcr.io/v2/', '', 'proxy.test:3128'],
    ['http://ghcr.io/v2/', '', 'plain.test:8080'],
    ['https://localhost:5000/', '', undefined],
    ['https://127.1.2.3/', '', undefined],
    ['https://[::1]/', '', undefined],
    ['https://ghcr.io/', '*', undefined],
    ['https://ghcr.io/', 'other.test, ghcr.io', undefined],
    ['https://a.ghcr.io/', 'ghcr.io', undefined],
    ['https://notghcr.io/', 'ghcr.io', 'proxy.test:3128'],
    ['https://ghcr.io/', '.ghcr.io', 'proxy.test:3128'],
    ['https://a.ghcr.io/', '.ghcr.io', undefined],
    ['https://ghcr.io/', 'ghcr.io:443', undefined],
    ['https://ghcr.io/', 'ghcr.io:5000', 'proxy.test:3128'],
    ['https://10.1.2.3/', '10.0.0.0/8', undefined],
    ['https://11.1.2.3/', '10.0.0.0/8', 'proxy.test:3128'],
    ['https://[2001:db8::1]/', '2001:db8::1', undefined],
  ])('%s but %j goes through %s', (url, no_proxy, proxy) => {
    expect(via(url, { no_proxy })).toBe(proxy);
  });

  test('one of a kind we do not speak is refused by the name of the variable', () => {
    expect(() => via('https://x.test/', { HTTPS_PROXY: 'socks5://x:1080' })).toThrow('`HTTPS_PROXY` names a proxy of the kind `socks5`');
    expect(() => via('https://x.test/', { HTTPS_PROXY: 'http://[' })).toThrow('`HTTPS_PROXY` is not the address of a proxy');
  });
});

describe('errors of a registry', () => {
  test('are one line of text, without what a terminal would obey', () => {
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no\u001b[2J\nway' }, { code: 'UNAUTHORIZED' }] });
    expect(parseRegistryErrors(body)).toBe('no [2J way; UNAUTHORIZED');
    expect(parseRegistryErrors('<html>')).toBeUndefined();
    expect(parseRegistryErrors('{"errors":{}}')).toBeUndefined();
  });
});
