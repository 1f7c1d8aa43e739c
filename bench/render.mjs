/** What the project promises, in ms and MB. */
const targets = {
  1: { upMs: 110, unchangedMs: 90 },
  10: { upMs: 150, unchangedMs: 90, pssMB: 60 },
  50: { upMs: 300, unchangedMs: 90, downMs: 200 },
};
const rows = [
  { label: 'up', key: 'upMs', pick: (m) => m.upMs, unit: 'ms' },
  { label: 'up, unchanged', key: 'unchangedMs', pick: (m) => m.unchangedMs, unit: 'ms' },
  { label: 'down', key: 'downMs', pick: (m) => m.downMs, unit: 'ms' },
  { label: 'resident (PSS)', key: 'pssMB', pick: (m) => m.resident.pssMB, unit: 'MB' },
];

/** One line a size and figure. `ratio`: how many times the other side's is tsstack's. */
export function renderTable({ machine, runs, compared, notCompared, results }) {
  const head = ['services', '', 'tsstack', 'target', 'kernel floor', ...(compared ? [compared, 'ratio'] : [])];
  const lines = results.flatMap(({ services, floor, sides }) =>
    rows.map(({ label, key, pick, unit }) => {
      const ours = pick(sides.tsstack);
      const target = targets[services]?.[key];
      const cells = [
        String(services),
        label,
        amount(ours, unit),
        target === undefined ? '' : verdict(ours, target, unit),
        amount(floor[key], unit),
      ];
      if (!compared) return cells;
      const theirs = pick(sides[compared]);
      return [...cells, amount(theirs, unit), `${(theirs / ours).toFixed(1)}×`];
    }),
  );
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((cells) => cells[column].length)));
  const text = [head, ...lines].map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('   ')
      .trimEnd(),
  );
  const about = `medians of ${runs} runs on ${machine.cpus} × ${machine.model}, Linux ${machine.kernel}, Node ${machine.node}, of which an empty process takes ${machine.emptyNodeMs.toFixed(0)} ms`;
  return `${text.join('\n')}\n\n${about}\n${compared ? '' : `nothing to compare with: ${notCompared}\n`}`;
}

function amount(value, unit) {
  return value === undefined ? '' : `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

function verdict(value, target, unit) {
  return `< ${target} ${unit} ${value < target ? 'met' : 'MISSED'}`;
}
