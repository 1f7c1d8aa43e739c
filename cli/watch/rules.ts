import type { Timers } from './coalesce.ts';
import { type FollowedRule, isFor } from './followed.ts';
import { syncChanges } from './sync-changes.ts';
import { tell } from './tell.ts';
import type { WatchSession } from './watch-session.ts';

export interface RuleRunner {
  /**
   * Syncs and executes what the rules say for the paths that have changed, then restarts each service once. A container made anew is given what was synced
   * into the one before. A failure is told, and the other rules are followed all the same. Rejects when the watching ends.
   */
  perform(
    rules: readonly FollowedRule[],
    changed: { readonly paths: Iterable<string>; readonly recreated: ReadonlySet<string> },
  ): Promise<void>;
}

export function createRuleRunner(session: WatchSession, timers: Timers): RuleRunner {
  const { engine, context, signal } = session;
  /** Service → paths that were synced into its containers. */
  const synced = new Map<string, Set<string>>();

  const attempt = async (what: () => Promise<void>) => {
    signal.throwIfAborted();
    try {
      await what();
    } catch (error) {
      signal.throwIfAborted();
      tell({ type: 'failed', error }, context);
    }
  };
  const sync = async (followed: FollowedRule, paths: readonly string[]) => {
    const { service } = followed;
    const changes = syncChanges(followed, paths);
    if (changes.length === 0) return;
    synced.set(service, new Set([...(synced.get(service) ?? []), ...paths]));
    const began = timers.now();
    const containers = await engine.sync({ service, changes, signal });
    tell({ type: 'synced', service, containers, paths: changes.map(({ target }) => target), durationMs: timers.now() - began }, context);
  };
  const restart = async (service: string) => {
    const began = timers.now();
    await engine.restart({ targets: [service], signal, onEvent() {} });
    tell({ type: 'restarted', service, durationMs: timers.now() - began }, context);
  };
  return {
    async perform(rules, { paths, recreated }) {
      const restarts = new Set<string>();
      for (const followed of rules) {
        const { service, rule } = followed;
        const changed = [...paths].filter((path) => isFor(followed, path));
        const lost = recreated.has(service) ? [...(synced.get(service) ?? [])].filter((path) => isFor(followed, path)) : [];
        await attempt(async () => {
          if (rule.action !== 'restart') await sync(followed, [...new Set([...changed, ...lost])]);
          if (rule.action === 'sync+exec' && changed.length > 0) await executeHook(followed, session);
        });
        // A container that was made anew has only just started.
        if (rule.action.endsWith('restart') && changed.length > 0 && !recreated.has(service)) restarts.add(service);
      }
      for (const service of restarts) await attempt(() => restart(service));
    },
  };
}

/** In each running container of the service, one after the other; its output is shown. */
async function executeHook({ service, rule }: FollowedRule, { engine, context, signal }: WatchSession): Promise<void> {
  const hook = rule.exec;
  if (hook === undefined) return;
  const { argv, user, workingDir, environment, timeoutMs } = hook;
  const running = (await engine.ps()).filter((listing) => listing.service === service && listing.state === 'running');
  for (const { name } of running) {
    // The command gets the signal that an abort names.
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort('SIGKILL'), timeoutMs);
    const leave = () => ending.abort('SIGTERM');
    signal.addEventListener('abort', leave);
    try {
      const options = { target: name, argv, tty: false, interactive: false, environment, workingDir, user, signal: ending.signal };
      const code = await engine.exec(options);
      tell({ type: 'executed', container: name, argv, code, timedOut: ending.signal.reason === 'SIGKILL' }, context);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    }
  }
}
