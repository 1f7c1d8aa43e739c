import { execFileSync } from 'node:child_process';

/** A named network namespace, with lo up, gone at dispose. */
export class PrivateNetns implements Disposable {
  readonly name: string;
  readonly enter: readonly string[];
  constructor(label: string) {
    this.name = `tstest-${process.pid}-${label}`;
    this.enter = ['nsenter', `--net=/run/netns/${this.name}`];
    execFileSync('ip', ['netns', 'add', this.name]);
    this.run('ip link set lo up');
  }
  /** Words split at spaces. */
  run(command: string): string {
    return execFileSync(this.enter[0] ?? '', [...this.enter.slice(1), ...command.split(' ')], { encoding: 'utf8' });
  }
  [Symbol.dispose](): void {
    execFileSync('ip', ['netns', 'delete', this.name]);
  }
}
