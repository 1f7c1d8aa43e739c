import { run } from './command.mjs';
import { ownProcesses } from './lifecycle.mjs';
import { commandLine } from './memory.mjs';
import { median } from './statistics.mjs';

/** `ps` right after the supervisor was killed: it starts another one, which takes the running containers over. */
export async function adoption({ sides, sizes, runs, project, say }) {
  const [side, other] = sides;
  const rows = [];
  for (const size of sizes) {
    say(`${size} services`);
    const services = Object.fromEntries(Array.from({ length: size }, (_, i) => [`s${i + 1}`, {}]));
    const directory = project(`adoption-${size}`, services);
    const { asUsual, adopting } = await kills(side, directory, runs);
    const cell = (value) => ({ value, unit: 'ms' });
    rows.push({ services: size, '`ps`, supervisor killed': cell(median(adopting)), '`ps`, as usual': cell(median(asUsual)) });
  }
  const notes = other
    ? [`${other.name}: not measured; whether and when somebody starts its daemon again is the init system's business`]
    : [];
  return { title: `adoption, medians of ${runs}`, rows, notes };
}

async function kills(side, directory, runs) {
  const ps = () => run([...side.command, 'ps', '--json'], { cwd: directory, env: side.env });
  const pidsIn = ({ stdout }) => JSON.stringify(JSON.parse(stdout).map(({ pid }) => pid));
  try {
    await side.up(directory);
    const asUsual = [];
    const adopting = [];
    for (let i = 0; i < runs; i++) {
      const before = await ps();
      asUsual.push(before.ms);
      process.kill(supervisorOf(side), 'SIGKILL');
      const after = await ps();
      adopting.push(after.ms);
      if (pidsIn(after) !== pidsIn(before)) throw new Error('containers were restarted, or are gone');
      supervisorOf(side);
    }
    return { asUsual, adopting };
  } finally {
    await side.down(directory);
  }
}

function supervisorOf(side) {
  const [pid] = ownProcesses(side).filter((one) => commandLine(one) === 'tsstack-supervisor bench');
  if (pid === undefined) throw new Error('there is no supervisor');
  return pid;
}
