import type { Finding, Host } from './host.ts';

export function checkLauncher(host: Host): Finding {
  const name = 'launcher';
  const { launcher } = host.paths;
  if (!host.exists(launcher))
    return { name, status: 'missing', detail: `\`${launcher}\` is not built`, advice: 'run `npm run build`; it needs gcc and make' };
  if (!host.may(launcher, 'execute'))
    return {
      name,
      status: 'missing',
      detail: `\`${launcher}\` may not be executed`,
      advice: `run \`chmod +x ${launcher}\`; look for a \`noexec\` mount`,
    };
  return { name, status: 'ok', detail: 'built' };
}
