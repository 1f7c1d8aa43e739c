import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type ts from 'typescript';
import { compilerOptions, isOutside, renderTypeErrors, toError } from '../load/type-check.ts';

/** Checks again and again, keeping what hasn't changed: tens of milliseconds after an edit, where the first check takes seconds. */
export interface TypeChecker {
  check(): Checked;
}

export interface Checked {
  /** Each with its place, relative to the stack file's directory. */
  readonly errors: readonly string[];
  /** Of the project: sources, those that are imported for their types alone among them, and tsconfig.json. */
  readonly files: readonly string[];
}

export type OpenTypeChecker = (file: string, packageRoot: string) => Promise<TypeChecker>;

/** Resolves when it is warm. Lets others run in between: loading TypeScript, reading the types of Node and checking take half a second each. */
export const openTypeChecker: OpenTypeChecker = async (file, packageRoot) => {
  await setImmediate();
  const typescript: typeof ts = createRequire(join(packageRoot, 'package.json'))('typescript');
  await setImmediate();
  const programs = createPrograms(typescript, file, packageRoot);
  programs.next(false);
  await setImmediate();
  let wasValid = true;
  const checker: TypeChecker = {
    check() {
      // An unchanged file isn't asked anew what it imports: one that was missing would stay so.
      const checked = checkProgram(typescript, { file, packageRoot, ...programs.next(wasValid) });
      wasValid = checked.errors.length === 0;
      return checked;
    },
  };
  checker.check();
  return checker;
};

interface Programs {
  /** `resolved`: what is imported is where it was the last time, unless the importing file has changed. */
  next(resolved: boolean): { readonly program: ts.Program; readonly configErrors: readonly ts.Diagnostic[] };
}

function createPrograms(typescript: typeof ts, file: string, packageRoot: string): Programs {
  const sources = new Map<string, { readonly version: string; readonly source: ts.SourceFile | undefined }>();
  let last: { readonly program: ts.Program; readonly config: Config } | undefined;

  /** What lies in a package is taken for unchanged for as long as we watch. */
  const versionOf = (path: string) => (isOutside(path, packageRoot, file) || isDefaultLibrary(path) ? '' : fileVersion(path));
  const isDefaultLibrary = (path: string) => dirname(path).endsWith('/typescript/lib');

  const hostFor = (options: ts.CompilerOptions): ts.CompilerHost => {
    const host = typescript.createCompilerHost(options, true);
    return {
      ...host,
      getSourceFile(path, languageVersion, onError) {
        const version = versionOf(path);
        const kept = sources.get(path);
        if (kept?.version === version) return kept.source;
        const source = host.getSourceFile(path, languageVersion, onError);
        sources.set(path, { version, source });
        return source;
      },
    };
  };
  return {
    next(resolved) {
      const config = readConfig(typescript, { file, packageRoot, kept: last?.config });
      // Sources are parsed by the options: with others they are others.
      if (config !== last?.config) sources.clear();
      const { options, errors } = config.content;
      const oldProgram = resolved && config === last?.config ? last.program : undefined;
      const program = typescript.createProgram({ rootNames: [file], options, host: hostFor(options), ...(oldProgram && { oldProgram }) });
      last = { program, config };
      return { program, configErrors: errors };
    },
  };
}

interface Config {
  readonly version: string;
  readonly content: ReturnType<typeof compilerOptions>;
}

function readConfig(
  typescript: typeof ts,
  { file, packageRoot, kept }: { readonly file: string; readonly packageRoot: string; readonly kept: Config | undefined },
): Config {
  const path = configFileOf(typescript, file);
  const version = path === undefined ? '' : `${path} ${fileVersion(path)}`;
  return kept?.version === version ? kept : { version, content: compilerOptions(typescript, file, packageRoot) };
}

function configFileOf(typescript: typeof ts, file: string): string | undefined {
  return typescript.findConfigFile(dirname(file), typescript.sys.fileExists);
}

function checkProgram(
  typescript: typeof ts,
  from: {
    readonly file: string;
    readonly packageRoot: string;
    readonly program: ts.Program;
    readonly configErrors: readonly ts.Diagnostic[];
  },
): Checked {
  const { file, packageRoot, program, configErrors } = from;
  const own = program.getSourceFiles().filter((source) => !source.isDeclarationFile && !isOutside(source.fileName, packageRoot, file));
  const found = own.flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]);
  const errors = [...configErrors, ...program.getOptionsDiagnostics(), ...found].map((diagnostic) => toError(typescript, diagnostic, file));
  const config = configFileOf(typescript, file);
  return {
    errors: errors.map((error) => renderTypeErrors([error], dirname(file))),
    files: [...own.map(({ fileName }) => fileName), ...(config === undefined ? [] : [config])],
  };
}

/** Differs when the content may. Size too: times are as coarse as the kernel's clock ticks. */
function fileVersion(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
}
