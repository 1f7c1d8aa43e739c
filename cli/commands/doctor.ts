import { defineCommand } from '../command.ts';
import type { Finding } from '../doctor/host.ts';
import { paint, type Style } from '../style.ts';
import type { TextStream } from '../terminal.ts';

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'look at what this host has and lacks, and say what to do',
  usage: '',
  options: {},
  words: { min: 0, max: 0 },
  details: 'Changes nothing. Exit code: 0 all that is needed is there, 1 something is missing.',
  async run(_given, _words, context) {
    const [{ examine }, { thisHost }] = await Promise.all([import('../doctor/checks.ts'), import('../doctor/host.ts')]);
    const findings = await examine(thisHost(context.paths, context.env));
    const ok = findings.every(({ status }) => status !== 'missing');
    const { out, err } = context.terminal;
    out.write(context.global.json ? `${JSON.stringify({ ok, findings })}\n` : renderFindings(findings, out));
    err.write(ok ? 'tsstack can work on this host\n' : 'tsstack cannot work on this host until what is missing is there\n');
    return ok ? 0 : 1;
  },
});

export function renderFindings(findings: readonly Finding[], { color }: Pick<TextStream, 'color'>): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, status, detail, advice }) => {
      const { style, sign } = LOOKS[status];
      const todo = advice === undefined ? '' : `${' '.repeat(11 + width)}${paint(color, 'cyan', 'hint:')} ${advice}\n`;
      return `${paint(color, style, sign)}  ${name.padEnd(width)}  ${detail}\n${todo}`;
    })
    .join('');
}

const LOOKS: { readonly [S in Finding['status']]: { readonly style: Style; readonly sign: string } } = {
  ok: { style: 'green', sign: 'ok     ' },
  warning: { style: 'yellow', sign: 'warning' },
  missing: { style: 'red', sign: 'missing' },
};
