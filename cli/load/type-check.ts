import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type ts from 'typescript';

export interface TypeCheckResult {
  readonly errors: readonly TypeCheckError[];
  /** Of the project's files that were checked, absolute. */
  readonly files: readonly string[];
}

export interface TypeCheckError {
  /** Absolute. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** `TS2322` */
  readonly code: string;
  /** First line, and the reasons below it, indented. */
  readonly message: string;
}

/**
 * Checks the types of the stack file and of what it imports with the project's tsconfig.json, or strictly if there is none. Loads
 * TypeScript: it takes a second. Types of `tsstack` are those of this very tsstack.
 */
export function typeCheck(file: string, packageRoot: string): TypeCheckResult {
  const typescript: typeof ts = createRequire(join(packageRoot, 'package.json'))('typescript');
  const { options, errors } = compilerOptions(typescript, file, packageRoot);
  const program = typescript.createProgram({ rootNames: [file], options });
  const own = program.getSourceFiles().filter((source) => !source.isDeclarationFile && !isOutside(source.fileName, packageRoot, file));
  const found = own.flatMap((source) => [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]);
  const diagnostics = [...errors, ...program.getOptionsDiagnostics(), ...found];
  return {
    errors: diagnostics.map((diagnostic) => toError(typescript, diagnostic, file)),
    files: own.map((source) => source.fileName),
  };
}

/** `stack.config.ts:3:7: error TS2322: …`, paths relative to `directory`. */
export function renderTypeErrors(errors: readonly TypeCheckError[], directory: string): string {
  return errors
    .map(({ file, line, column, code, message }) => `${relative(directory, file)}:${line}:${column}: error ${code}: ${message}`)
    .join('\n');
}

export function compilerOptions(typescript: typeof ts, file: string, packageRoot: string) {
  const configFile = typescript.findConfigFile(dirname(file), typescript.sys.fileExists);
  const errors: ts.Diagnostic[] = [];
  let own: ts.CompilerOptions = { strict: true, target: typescript.ScriptTarget.ES2023 };
  if (configFile !== undefined) {
    const parsed = typescript.readConfigFile(configFile, typescript.sys.readFile);
    if (parsed.error !== undefined) errors.push(parsed.error);
    const content = typescript.parseJsonConfigFileContent(parsed.config ?? {}, typescript.sys, dirname(configFile));
    // That a tsconfig includes no file doesn't matter here: the stack file is named.
    errors.push(...content.errors.filter(({ code }) => code !== NO_INPUTS));
    own = content.options;
  }
  const options: ts.CompilerOptions = {
    ...withoutOutput(own),
    // As the loader resolves: with or without an extension, in ES module and CommonJS projects alike.
    module: typescript.ModuleKind.Preserve,
    moduleResolution: typescript.ModuleResolutionKind.Bundler,
    typeRoots: own.typeRoots ?? [dirname(file), packageRoot].flatMap(typeRootsFrom),
    paths: { ...own.paths, tsstack: [typesOf(packageRoot)] },
    allowJs: true,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    esModuleInterop: true,
    skipLibCheck: true,
    noEmit: true,
  };
  return { options, errors };
}

const NO_INPUTS = 18003;
/** Without the options of a build, which have no meaning, or contradict, where one file is only checked. */
function withoutOutput(own: ts.CompilerOptions): ts.CompilerOptions {
  const { rootDir, outDir, outFile, tsBuildInfoFile, declarationDir, ...rest } = own;
  return { ...rest, composite: false, incremental: false, declaration: false, declarationMap: false, isolatedDeclarations: false };
}

/** Where `@types` may be, from a directory upwards. Node's are a peer of ts-node, so that ours has them if the project hasn't. */
function typeRootsFrom(directory: string): string[] {
  const parent = dirname(directory);
  return [join(directory, 'node_modules/@types'), ...(parent === directory ? [] : typeRootsFrom(parent))];
}

function typesOf(packageRoot: string): string {
  const built = join(packageRoot, 'dist/types/dsl/index.d.ts');
  return existsSync(built) ? built : join(packageRoot, 'dsl/index.ts');
}

/** Packages, and tsstack's own sources where it is run from them. */
export function isOutside(source: string, packageRoot: string, file: string): boolean {
  return source.includes('/node_modules/') || (source.startsWith(join(packageRoot, 'dsl/')) && source !== file);
}

export function toError(typescript: typeof ts, diagnostic: ts.Diagnostic, file: string): TypeCheckError {
  const { file: source, start = 0, code } = diagnostic;
  const place = source?.getLineAndCharacterOfPosition(start) ?? { line: 0, character: 0 };
  return {
    file: source?.fileName ?? file,
    line: place.line + 1,
    column: place.character + 1,
    code: `TS${code}`,
    message: typescript.flattenDiagnosticMessageText(diagnostic.messageText, '\n'),
  };
}
