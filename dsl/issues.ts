/** What is wrong with a stack, as data. Everything that checks a stack adds to one log, so that all of it is told at once. */
export interface StackIssue {
  /** Where in what was written: `['services', 'api', 'ports', 0]`. */
  readonly path: readonly (string | number)[];
  /** What stands there. Undefined: nothing. */
  readonly value: unknown;
  /** Why it is wrong. */
  readonly message: string;
  /** What was probably meant. */
  readonly suggestion?: string | undefined;
}

export type IssuePath = StackIssue['path'];

export class IssueLog {
  readonly issues: StackIssue[] = [];

  add(path: IssuePath, value: unknown, message: string, suggestion?: string): undefined {
    this.issues.push({ path, value, message, ...(suggestion === undefined ? {} : { suggestion }) });
    return undefined;
  }
}

/** Whether something at this path or within is wrong already: then what follows from it need not be told. */
export function isTold(log: IssueLog, path: IssuePath): boolean {
  return log.issues.some((issue) => path.every((key, index) => issue.path[index] === key));
}

/** In the order in which the things stand in the input; what isn't there comes last in its object. */
export function inOrderOf(input: unknown, issues: readonly StackIssue[]): StackIssue[] {
  const places = new Map(issues.map((issue) => [issue, placeOf(input, issue.path)]));
  return [...issues].sort((a, b) => {
    const [placeA, placeB] = [places.get(a) ?? [], places.get(b) ?? []];
    const differs = placeA.findIndex((place, index) => place !== placeB[index]);
    return differs < 0 ? placeA.length - placeB.length : (placeA[differs] ?? 0) - (placeB[differs] ?? -1);
  });
}

function placeOf(input: unknown, path: IssuePath): number[] {
  let value = input;
  return path.map((key) => {
    const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    const index = keys.indexOf(String(key));
    value = index < 0 || typeof value !== 'object' || value === null ? undefined : Reflect.get(value, key);
    return index < 0 ? keys.length : index;
  });
}

/** Stable text: one line an issue, then a line for what was probably meant. */
export function renderIssues(issues: readonly StackIssue[], options: { readonly file: string }): string {
  const count = issues.length === 1 ? '1 thing is' : `${issues.length} things are`;
  const lines = [`${count} wrong with \`${options.file}\``];
  for (const issue of issues) {
    lines.push(`  ${renderPath(issue.path)}: ${renderValue(issue.value)}${issue.message}`);
    if (issue.suggestion !== undefined) lines.push(`    did you mean \`${issue.suggestion}\`?`);
  }
  return lines.join('\n');
}

/** `services.api.ports[0]`; a key that is no word is quoted. */
function renderPath(path: IssuePath): string {
  if (path.length === 0) return 'stack';
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`;
      if (!/^[\w$-]+$/.test(key)) return `[${JSON.stringify(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join('');
}

function renderValue(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'object' && value !== null) return '';
  if (typeof value === 'function' || typeof value === 'symbol') return '';
  const text = typeof value === 'string' ? value : String(value);
  return `\`${text.length > 80 ? `${text.slice(0, 77)}...` : text}\` `;
}
