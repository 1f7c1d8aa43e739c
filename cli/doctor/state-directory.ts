import { formatBytes } from '../format.ts';
import { existingAncestor, type Finding, type Host } from './host.ts';

const LITTLE = 1024 ** 3;

export function checkStateDirectory(host: Host): Finding {
  const name = 'state directory';
  const { stateDirectory } = host.paths;
  const directory = existingAncestor(host, stateDirectory);
  if (!host.may(directory, 'write')) {
    return {
      name,
      status: 'missing',
      detail: `\`${directory}\` may not be written`,
      advice: 'set `TSSTACK_STATE_DIR` to a directory that may',
    };
  }
  const free = host.freeBytes(directory);
  const detail = `\`${stateDirectory}\`, ${formatBytes(free)} free`;
  if (free >= LITTLE) return { name, status: 'ok', detail };
  return { name, status: 'warning', detail, advice: 'free some space, or set `TSSTACK_STATE_DIR` to a larger disk' };
}
