/** `~/.docker/config.json`: who we are at which registry (docker/cli `cli/config/configfile/file.go`). */

export interface DockerConfig {
  /** Registry → what is written down for it. */
  readonly auths: Readonly<Record<string, Credentials>>;
  /** Registry → name of the program that knows: `pass` is `docker-credential-pass`. */
  readonly credHelpers: Readonly<Record<string, string>>;
  /** The program that knows of all others. */
  readonly credsStore: string | undefined;
}

export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** Exchanged for tokens at the registry's token server. */
  | { readonly kind: 'identity'; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: 'bearer'; readonly token: string };

/** Under this name `docker login` keeps Docker Hub. */
const HUB_KEY = 'https://index.docker.io/v1/';

type Fields = Readonly<Record<string, unknown>>;

/** Throws `Error` with what is wrong in it. What says nothing of who we are is not read. */
export function parseDockerConfig(text: string): DockerConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error('it is not JSON', { cause: error });
  }
  if (!isFields(value)) throw new Error('it is not an object');
  const auths: Record<string, Credentials> = {};
  for (const [server, entry] of Object.entries(isFields(value['auths']) ? value['auths'] : {})) {
    const credentials = isFields(entry) ? credentialsOf(server, entry) : undefined;
    if (credentials !== undefined) auths[registryOf(server)] = credentials;
  }
  const helpers = Object.entries(isFields(value['credHelpers']) ? value['credHelpers'] : {});
  const store = value['credsStore'];
  return {
    auths,
    credHelpers: Object.fromEntries(helpers.map(([server, name]) => [registryOf(server), helperName(name)])),
    credsStore: store === undefined || store === '' ? undefined : helperName(store),
  };
}

/** What a credential helper is asked for. */
export function credentialServer(registry: string): string {
  return registry === 'docker.io' ? HUB_KEY : registry;
}

/** The answer of a credential helper. The user name `<token>` says that the secret is an identity token. */
export function parseHelperAnswer(text: string): Credentials {
  const value: unknown = JSON.parse(text);
  const { Username, Secret } = isFields(value) ? value : {};
  if (typeof Username !== 'string' || typeof Secret !== 'string') throw new Error('its answer has no Username or Secret');
  return Username === '<token>' ? { kind: 'identity', token: Secret } : { kind: 'password', username: Username, password: Secret };
}

function credentialsOf(server: string, entry: Fields): Credentials | undefined {
  const { auth, username, password, identitytoken, registrytoken } = entry;
  if (typeof registrytoken === 'string' && registrytoken !== '') return { kind: 'bearer', token: registrytoken };
  if (typeof identitytoken === 'string' && identitytoken !== '') return { kind: 'identity', token: identitytoken };
  if (typeof auth === 'string' && auth !== '') {
    const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = decoded.indexOf(':');
    if (colon < 0) throw new Error(`\`auth\` of \`${server}\` is not the base64 of user:password`);
    return { kind: 'password', username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
  }
  if (typeof username === 'string' && typeof password === 'string' && username !== '') return { kind: 'password', username, password };
  // An empty entry says only that a helper has it.
  return undefined;
}

/** Keys are hosts or, from older times, addresses with a path. */
function registryOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
}

/** It becomes part of the name of a program. */
function helperName(name: unknown): string {
  if (typeof name !== 'string' || !/^[A-Za-z0-9][\w.-]*$/.test(name))
    throw new Error(`\`${String(name)}\` is not the name of a credential helper`);
  return name;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
