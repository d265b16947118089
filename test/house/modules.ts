/** Reads every module of the tree and the imports it makes, also type-only ones and re-exports. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { parseSync } from 'oxc-parser';

export const root = join(import.meta.dirname, '../..');

interface Import {
  readonly specifier: string;
  readonly isDynamic: boolean;
}

export interface Module {
  /** Path from the top of the tree, with forward slashes. */
  readonly path: string;
  /** First folder under `src/`, the file's own name for a file at its top, or the top folder elsewhere. */
  readonly room: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const patterns = ['src/**/*.ts', 'artifact-types/**/*.ts', 'bench/**/*.ts', 'test/**/*.ts'];

/** All modules but generated ones. */
export function readModules(): Module[] {
  const paths = globSync(patterns, { cwd: root }).filter((path) => !path.startsWith('src/metadata/generated'));
  return paths.sort().map(readModule);
}

function readModule(path: string): Module {
  const text = readFileSync(join(root, path), 'utf8');
  const { module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const imports: Import[] = [
    ...module.staticImports.map((found) => ({ specifier: found.moduleRequest.value, isDynamic: false })),
    ...module.staticExports.flatMap((found) =>
      found.entries.flatMap((entry) => (entry.moduleRequest ? [{ specifier: entry.moduleRequest.value, isDynamic: false }] : [])),
    ),
    ...module.dynamicImports.flatMap((found) => {
      const literal = text.slice(found.moduleRequest.start, found.moduleRequest.end);
      return /^['"].*['"]$/.test(literal) ? [{ specifier: literal.slice(1, -1), isDynamic: true }] : [];
    }),
  ];
  return { path, room: roomOf(path), text, imports };
}

function roomOf(path: string): string {
  const [top, second] = path.split('/');
  return top === 'src' ? (second ?? '').replace(/\.ts$/, '') : (top ?? '');
}

/** The tree's path an import points at, or undefined for a package or a Node module. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('#test/')) return specifier.replace('#', '');
  if (specifier.startsWith('#src/')) return specifier.replace('#', '');
  if (specifier.startsWith('#')) return `src/${specifier.slice(1)}`;
  if (specifier.startsWith('.')) return relative('.', normalize(join(dirname(from), specifier)));
  return undefined;
}
