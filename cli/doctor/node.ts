import type { Finding, Host } from './host.ts';

/** As in package.json's `engines`: 20.19 is the first that can `require` an ES module, as stack files may need. */
export function checkNode({ nodeVersion }: Host): Finding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const name = 'Node.js';
  if (major > 20 || (major === 20 && minor >= 19)) return { name, status: 'ok', detail: nodeVersion };
  return { name, status: 'missing', detail: nodeVersion, advice: 'install Node.js 20.19 or later' };
}
