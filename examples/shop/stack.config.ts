import { debian, defineStack } from 'tsstack';

/**
 * A web shop: `tsstack up -d --wait` here, then http://127.0.0.1:8081/products. All programs are Debian's, in one image that is made of
 * packages at the first start; it needs no registry, and `mmdebstrap` on this host. `DEBIAN_MIRROR` in `.env`: another mirror.
 */
export default defineStack(({ env }) => {
  const image = debian({
    suite: 'bookworm',
    packages: ['nginx-light', 'postgresql', 'python3-psycopg2', 'python3-redis', 'redis-server'],
    ...(env['DEBIAN_MIRROR'] ? { mirror: env['DEBIAN_MIRROR'] } : {}),
  });
  const password = env['DB_PASSWORD'] ?? 'only for trying out';
  const python = {
    image,
    user: 'nobody',
    readOnly: true,
    volumes: ['./api:/shop:ro'],
    environment: {
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      PGHOST: 'db',
      PGUSER: 'shop',
      PGDATABASE: 'shop',
      PGPASSWORD: password,
    },
    limits: { memory: '128MiB', pids: 64 },
  } as const;
  return {
    name: 'shop',
    services: {
      // The only one that is published.
      web: {
        image,
        command: ['nginx', '-e', 'stderr', '-g', 'daemon off;'],
        user: 'www-data',
        readOnly: true,
        tmpfs: '/tmp',
        volumes: ['./web/nginx.conf:/etc/nginx/nginx.conf:ro'],
        networks: ['front'],
        ports: ['127.0.0.1:8081:8080'],
        dependsOn: { api: 'healthy' },
        healthcheck: { http: { port: 8080, path: '/health' } },
        restart: 'on-failure',
        limits: { memory: '64MiB', pids: 64 },
      },
      api: {
        ...python,
        command: ['python3', '/shop/server.py'],
        environment: { ...python.environment, REDIS_HOST: 'cache' },
        networks: ['front', 'back'],
        dependsOn: { db: 'healthy', cache: 'healthy', migrate: 'completed' },
        healthcheck: { http: { port: 3000, path: '/health' } },
        replicas: 2,
        restart: 'on-failure',
      },
      // Runs once, and again when it has changed.
      migrate: {
        ...python,
        kind: 'job',
        command: ['python3', '/shop/migrate.py'],
        networks: ['back'],
        dependsOn: { db: 'healthy' },
      },
      // Its volume begins as the cluster that Debian's package has made, owner and mode included.
      db: {
        image,
        command: ['sh', '/shop/start.sh'],
        user: 'postgres',
        readOnly: true,
        tmpfs: '/tmp',
        environment: { SHOP_PASSWORD: password },
        volumes: ['./db:/shop:ro', 'orders:/var/lib/postgresql/15/main'],
        networks: ['back'],
        healthcheck: { test: ['CMD', '/usr/lib/postgresql/15/bin/pg_isready', '-q', '-h', '127.0.0.1', '-d', 'shop'], interval: '10s' },
        // A fast shutdown, instead of waiting for clients to go.
        stopSignal: 'SIGINT',
        stopGracePeriod: '30s',
        limits: { memory: '512MiB', pids: 128 },
      },
      cache: {
        image,
        command: ['redis-server', '--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', '/var/lib/redis', '--appendonly', 'yes'],
        user: 'redis',
        readOnly: true,
        volumes: ['counts:/var/lib/redis'],
        networks: ['back'],
        healthcheck: { test: ['CMD-SHELL', 'redis-cli ping | grep -q PONG'], interval: '10s' },
        limits: { memory: '128MiB', pids: 64 },
      },
    },
    // `back` has no way out: what is stored is reached by the API alone.
    networks: { front: {}, back: { internal: true } },
    volumes: { orders: {}, counts: {} },
  };
});
