/**
 * TypeScript to a CommonJS function body, with ts-node. It and `typescript` take a tenth of a second to load (a quarter the first time of all),
 * so they are only loaded when the cache has no answer. The project's tsconfig has no say: a stack file means the same wherever it lies.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { create as CreateTsNode, TSError } from 'ts-node';
import type ts from 'typescript';
import { loadCompiler } from './compiler.ts';
import { type SourcePosition, stackFileError } from './stack-file-error.ts';

/** Names that transpiled code uses for `import.meta` and `import()`. */
export const META = '__tsstack_meta';
export const IMPORT = '__tsstack_import';

export interface Transpiled {
  /** Body of a function, with `require`, `exports`, `META` and `IMPORT`. */
  readonly code: string;
  /** JSON of the source map. */
  readonly map: string;
  /** Specifiers that `code` requires when it is evaluated, in the order of evaluation. */
  readonly requires: readonly string[];
  /** It awaits outside of functions. */
  readonly awaits: boolean;
}

/** Errors: TsstackError `invalid-stack-file` at the first syntax error. */
export function transpile(file: string, source: string, packageRoot: string): Transpiled {
  const require = createRequire(join(packageRoot, 'package.json'));
  const { typescript, keep } = loadCompiler(packageRoot);
  const tsNode: { create: typeof CreateTsNode; TSError: typeof TSError } = require('ts-node');
  const found = { requires: [] as string[], awaits: false };
  const service = tsNode.create({
    cwd: packageRoot,
    compiler: require.resolve('typescript'),
    transpileOnly: true,
    skipProject: true,
    compilerOptions: {
      module: 'commonjs',
      target: 'es2022',
      esModuleInterop: true,
      jsx: 'react-jsx',
      sourceMap: true,
      inlineSourceMap: false,
    },
    transformers: { before: [rewriteModuleSyntax(typescript, found)], after: [collectRequires(typescript, found)] },
  });
  try {
    // Named `.ts` whatever it is: TypeScript emits ES modules for `.mts` and for `.js` in a package of `type: module`.
    const output = service.compile(source, `${file}.ts`);
    keep();
    const [code = '', encoded = ''] = output.split(/\n\/\/# sourceMappingURL=[^,]*,/);
    return { code, map: Buffer.from(encoded, 'base64').toString('utf8'), ...found };
  } catch (error) {
    if (error instanceof tsNode.TSError) throw syntaxError(file, source, { error, typescript });
    throw error;
  }
}

/** `import.meta` and `import()` become names that the loader gives: CommonJS has neither, or another one. */
function rewriteModuleSyntax(typescript: typeof ts, found: { awaits: boolean }): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (sourceFile) => {
    const visit = (node: ts.Node, inFunction: boolean): ts.Node => {
      if (!inFunction && (typescript.isAwaitExpression(node) || (typescript.isForOfStatement(node) && node.awaitModifier !== undefined))) {
        found.awaits = true;
      }
      if (typescript.isMetaProperty(node) && node.keywordToken === typescript.SyntaxKind.ImportKeyword) {
        return context.factory.createIdentifier(META);
      }
      const inside = inFunction || typescript.isFunctionLike(node);
      const visited = typescript.visitEachChild(node, (child) => visit(child, inside), context);
      if (!typescript.isCallExpression(visited) || visited.expression.kind !== typescript.SyntaxKind.ImportKeyword) return visited;
      return context.factory.updateCallExpression(visited, context.factory.createIdentifier(IMPORT), undefined, visited.arguments);
    };
    return typescript.visitEachChild(sourceFile, (child) => visit(child, false), context);
  };
}

/** After TypeScript has dropped the imports of types. Only calls that are evaluated with the module itself. */
function collectRequires(typescript: typeof ts, found: { requires: string[] }): ts.TransformerFactory<ts.SourceFile> {
  return () => (sourceFile) => {
    const visit = (node: ts.Node): void => {
      if (typescript.isFunctionLike(node)) return;
      if (typescript.isCallExpression(node) && typescript.isIdentifier(node.expression) && node.expression.text === 'require') {
        const [specifier] = node.arguments;
        if (specifier !== undefined && typescript.isStringLiteral(specifier)) found.requires.push(specifier.text);
      }
      typescript.forEachChild(node, visit);
    };
    visit(sourceFile);
    return sourceFile;
  };
}

function syntaxError(file: string, source: string, from: { readonly error: TSError; readonly typescript: typeof ts }) {
  const diagnostic: ts.Diagnostic | undefined = from.error.diagnostics[0];
  const why = from.typescript.flattenDiagnosticMessageText(diagnostic?.messageText, '; ').replace(/\.$/, '');
  let position: SourcePosition | undefined;
  if (diagnostic?.start !== undefined) {
    const before = source.slice(0, diagnostic.start).split('\n');
    position = { file, line: before.length, column: (before.at(-1) ?? '').length + 1 };
  }
  return stackFileError(`cannot read \`${file}\`: ${why}`, { position, source, cause: from.error });
}
