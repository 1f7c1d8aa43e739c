import { defineStack, hostRootfs } from 'tsstack';

/** The smallest stack with a page: `tsstack up -d`, then `curl http://127.0.0.1:8000`. */
export default defineStack({
  name: 'hello',
  services: {
    web: {
      image: hostRootfs(),
      command: [
        'node',
        '-e',
        'require("node:http").createServer((_, r) => r.end("hello from " + require("node:os").hostname() + "\\n")).listen(8000)',
      ],
      ports: ['8000:8000'],
      limits: { memory: '64MiB' },
    },
  },
});
