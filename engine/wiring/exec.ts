/** Runs a command in a running container, with this process's own stdio. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { encodeExecOptions } from '../codec/exec-options.ts';
import { readImageUsers } from '../image/users.ts';
import { observeContainers } from '../kernel/containers.ts';
import { isFrozen } from '../kernel/freezer.ts';
import type { ExecOptions } from '../model/engine.ts';
import { TsstackError } from '../model/errors.ts';
import type { ContainerState } from '../model/resources.ts';
import { cgroupPath } from '../plan/names.ts';
import { resolveUser, unknownUser } from '../plan/user.ts';
import type { Session } from './session.ts';

export async function execInContainer(session: Session, options: ExecOptions): Promise<number> {
  const { name, record, status } = findRunning(session, options);
  if (!record || !status.init) throw new TsstackError(`cannot exec in \`${name}\`: it is not running`, { code: 'not-found' });
  if (isFrozen(session.cgroups, cgroupPath(session.stack, name))) {
    throw new TsstackError(`cannot exec in \`${name}\`: it is paused`, { code: 'not-found', hint: '`tsstack unpause` lets it go on' });
  }
  const users = readImageUsers(record.launch.lowerdirs);
  const unknown = unknownUser(options.user, users);
  if (unknown !== undefined) throw new TsstackError(`cannot exec in \`${name}\` as \`${options.user}\`: ${unknown}`, { code: 'usage' });
  const args = encodeExecOptions(record, status.init, {
    argv: options.argv,
    tty: options.tty,
    interactive: options.interactive,
    ...(options.environment ? { environment: options.environment } : {}),
    ...(options.workingDir === undefined ? {} : { workingDir: options.workingDir }),
    ...(options.user === undefined ? {} : { user: resolveUser(options.user, users) }),
  });
  const child = spawn(session.launcherBinary, args, { stdio: [options.interactive ? 'inherit' : 'ignore', 'inherit', 'inherit'] });
  // The terminal sends these to the whole foreground group: the launcher passes them on, and this process waits for its answer.
  const ignore = () => undefined;
  const forward = () => child.kill(options.signal?.reason as NodeJS.Signals);
  options.signal?.addEventListener('abort', forward);
  process.on('SIGINT', ignore);
  process.on('SIGQUIT', ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  } finally {
    process.off('SIGINT', ignore);
    process.off('SIGQUIT', ignore);
    options.signal?.removeEventListener('abort', forward);
  }
}

/** By container name, or by service: then its first running container, or the one asked for. */
function findRunning({ paths, bootId, stack }: Session, { target, index }: ExecOptions): ContainerState {
  const all = observeContainers(paths.containers, bootId);
  const candidates = all.filter(({ name, record }) => name === target || `${stack.name}-${name}` === target || record?.service === target);
  const chosen = candidates.filter(({ record }) => index === undefined || record?.index === index);
  const running = chosen.find(({ status }) => status.state === 'running');
  if (running) return running;
  if (chosen.length > 0) {
    throw new TsstackError(`cannot exec in \`${target}\`: it is not running`, {
      code: 'not-found',
      hint: '`tsstack ps` shows why; `tsstack up -d` starts it',
    });
  }
  const known = all.map(({ name }) => name).join(', ');
  throw new TsstackError(
    `there is no container \`${target}\`${index === undefined ? '' : ` with index ${index}`} in stack \`${stack.name}\``,
    {
      code: 'not-found',
      hint: known === '' ? 'nothing runs: `tsstack up -d` starts the stack' : `there are: ${known}`,
    },
  );
}
