import type { Command } from './command.ts';
import { defineCommand } from './command.ts';
import { build } from './commands/build.ts';
import { check } from './commands/check.ts';
import { config } from './commands/config.ts';
import { doctor } from './commands/doctor.ts';
import { down } from './commands/down.ts';
import { events } from './commands/events.ts';
import { exec } from './commands/exec.ts';
import { images } from './commands/images.ts';
import { inspect } from './commands/inspect.ts';
import { kill } from './commands/kill.ts';
import { load } from './commands/load.ts';
import { logs } from './commands/logs.ts';
import { net } from './commands/net.ts';
import { pause } from './commands/pause.ts';
import { plan } from './commands/plan.ts';
import { port } from './commands/port.ts';
import { prune } from './commands/prune.ts';
import { ps } from './commands/ps.ts';
import { pull } from './commands/pull.ts';
import { push } from './commands/push.ts';
import { restart } from './commands/restart.ts';
import { save } from './commands/save.ts';
import { start } from './commands/start.ts';
import { stats } from './commands/stats.ts';
import { stop } from './commands/stop.ts';
import { system } from './commands/system.ts';
import { top } from './commands/top.ts';
import { unpause } from './commands/unpause.ts';
import { up } from './commands/up.ts';
import { wait } from './commands/wait.ts';
import { watch } from './commands/watch.ts';

import { findCommand } from './find-command.ts';
import { renderCommandHelp, renderHelp } from './help-text.ts';

const help = defineCommand({
  name: 'help',
  summary: 'show help, of all or of one command',
  usage: '[COMMAND]',
  options: {},
  words: { min: 0, max: 1 },
  async run(_given, [name], { terminal }) {
    terminal.out.write(name === undefined ? renderHelp(COMMANDS) : renderCommandHelp(findCommand(name, COMMANDS)));
    return 0;
  },
});

/** In the order help shows them. */
export const COMMANDS: readonly Command[] = [
  ...[up, watch, down, plan, ps, logs, exec],
  ...[start, stop, restart, kill, pause, unpause],
  ...[wait, events, stats, top, port, net],
  ...[build, pull, push, images, inspect, save, load],
  ...[prune, system],
  ...[config, check, doctor, help],
];
