import { defineStack, hostRootfs } from 'tsstack';

/** A guestbook: `npm start`, then open http://127.0.0.1:8080. Its code is in examples/guestbook. */
const app = './examples/guestbook:/app:ro';
const probe = (url: string) => ({
  test: ['CMD', 'node', '/app/probe.mjs', url] as const,
  interval: '10s',
  timeout: '3s',
  startPeriod: '10s',
});

export default defineStack({
  name: 'guestbook',
  services: {
    // What people see: the page, and the way to the API. The only one that is published.
    web: {
      image: hostRootfs(),
      command: ['node', '/app/web.mjs'],
      environment: { PORT: '8080', API: 'http://api:3000' },
      volumes: [app],
      networks: ['front'],
      ports: ['8080:8080'],
      dependsOn: { api: 'healthy' },
      healthcheck: probe('http://127.0.0.1:8080/health'),
      restart: 'on-failure',
      limits: { cpus: 0.5, memory: '128MiB', pids: 64 },
      user: '1000:1000',
      readOnly: true,
    },
    // Two copies of it; the page tells which one answered.
    api: {
      image: hostRootfs(),
      command: ['node', '/app/api.mjs'],
      environment: { PORT: '3000', STORE: 'http://store:4000' },
      volumes: [app],
      networks: ['front', 'back'],
      dependsOn: { store: 'healthy', seed: 'completed' },
      healthcheck: probe('http://127.0.0.1:3000/health'),
      restart: 'on-failure',
      replicas: 2,
      limits: { cpus: 0.5, memory: '128MiB', pids: 64 },
      user: '1000:1000',
      readOnly: true,
    },
    // Runs once, before the API starts: the first entry of an empty book.
    seed: {
      kind: 'job',
      image: hostRootfs(),
      command: ['node', '/app/seed.mjs'],
      environment: { STORE: 'http://store:4000' },
      volumes: [app],
      networks: ['back'],
      dependsOn: { store: 'healthy' },
      limits: { cpus: 0.5, memory: '128MiB', pids: 64 },
    },
    // Keeps the entries in an append-only file on a volume that `down` leaves alone.
    store: {
      image: hostRootfs(),
      command: ['node', '/app/store.mjs'],
      environment: { PORT: '4000', FILE: '/data/store.jsonl' },
      volumes: [app, 'entries:/data'],
      networks: ['back'],
      healthcheck: probe('http://127.0.0.1:4000/health'),
      restart: 'on-failure',
      stopGracePeriod: '5s',
      limits: { cpus: 0.5, memory: '128MiB', pids: 64 },
      readOnly: true,
    },
  },
  // `back` has no way out: the store is reached by the API alone.
  networks: { front: {}, back: { internal: true } },
  volumes: { entries: {} },
});
