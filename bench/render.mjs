/**
 * @typedef {string | number | { value?: number, unit: string, of?: number } | { cannot: string }} Cell a figure; with `of`, the target of that figure
 * @typedef {{ title: string, rows: readonly Record<string, Cell>[], notes?: readonly string[] }} Table its columns are the keys of its rows
 */

/** @param {readonly Table[]} tables @param {{ cpus: number, model: string, kernel: string, node: string, emptyNodeMs: number, load: string }} machine */
export function renderTables(tables, machine, notCompared) {
  const { cpus, model, kernel, node, emptyNodeMs, load } = machine;
  const about = `${cpus} × ${model}, Linux ${kernel}, load ${load} at the start, Node ${node}, of which an empty process takes ${emptyNodeMs.toFixed(0)} ms`;
  return `${tables.map(renderTable).join('\n\n')}\n\n${about}\n${notCompared ? `nothing to compare with: ${notCompared}\n` : ''}`;
}

/** @param {Table} table */
function renderTable({ title, rows, notes = [] }) {
  const head = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [head, ...rows.map((row) => head.map((key) => cellText(row[key])))];
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)));
  const text = lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('   ')
      .trimEnd(),
  );
  return [`── ${title}`, ...text, ...notes.map((note) => `   ${note}`)].join('\n');
}

function cellText(cell) {
  if (cell === undefined) return '';
  if (typeof cell !== 'object') return String(cell);
  if ('cannot' in cell) return `cannot: ${cell.cannot}`;
  const { value, unit, of } = cell;
  if (value === undefined) return '';
  if (of !== undefined) return `< ${value} ${unit} ${of < value ? 'met' : 'MISSED'}`;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`.trim();
}
