/** Loaded before each kernel and e2e test file: they change links, rules and mounts, and must never do it to the real host. */
import { readlinkSync } from 'node:fs';

const realHost = process.env['TSSTACK_FAKE_HOST'];
if (realHost === undefined || realHost === readlinkSync('/proc/self/ns/net')) {
  throw new Error(
    'this test changes the network and must run on a fake host: `node scripts/test.mjs kernel FILE` (or `e2e FILE`), as root',
  );
}
