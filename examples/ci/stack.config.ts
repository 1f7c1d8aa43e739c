import { defineStack, hostRootfs } from 'tsstack';

/**
 * A test environment to throw away. In CI:
 *   tsstack up -d --wait; tsstack logs tests; tsstack down --volumes
 * `up --wait` ends with 0 when the tests have passed, and with 18 when they failed.
 */
export default defineStack({
  name: 'ci',
  services: {
    server: {
      image: hostRootfs(),
      command: ['node', '/app/server.mjs'],
      volumes: ['./app:/app:ro'],
      healthcheck: { test: ['CMD', 'node', '/app/probe.mjs'], timeout: '3s' },
      limits: { memory: '128MiB', pids: 64 },
    },
    tests: {
      kind: 'job',
      // The same inputs must be tested again: without this, a job that succeeded is not run twice.
      rerun: 'always',
      image: hostRootfs(),
      command: ['node', '--test', '--test-reporter=tap', '/app/server.test.mjs'],
      environment: { SERVER: 'http://server:3000' },
      volumes: ['./app:/app:ro'],
      dependsOn: { server: 'healthy' },
      limits: { memory: '256MiB', pids: 64 },
    },
  },
});
