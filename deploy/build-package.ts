/**
 * Writes `dist/`, what the npm package carries: the tree's TypeScript as JavaScript, because Node refuses to strip types under
 * `node_modules`. Run by npm before it packs. Types become white space, so that lines and columns stay those of the source.
 */
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { parseSync } from 'oxc-parser';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const sources = globSync(['src/**/*.ts', 'artifact-types/**/*.ts'], { cwd: root }).filter((path) => !path.endsWith('.test.ts'));

rmSync(dist, { recursive: true, force: true });
for (const path of sources) writeModule(path);
const carried = [
  'artifact-types/**/*',
  'prisma/migrations/**/*',
  'schema.graphql',
  'src/base/generated/*.cjs',
  'src/policy/*.{cedar,json}',
];
for (const path of globSync(carried, { cwd: root, withFileTypes: true })) {
  const from = relative(root, join(path.parentPath, path.name));
  if (path.isFile() && !from.endsWith('.ts')) copy(from);
}
cpSync(join(root, 'package.json'), join(dist, 'package.json'));
console.log(`dist: ${sources.length} modules`);

function writeModule(path: string): void {
  const target = join(dist, path.replace(/\.ts$/, '.js'));
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, rewriteImports(path, stripTypeScriptTypes(readFileSync(join(root, path), 'utf8'))));
}

function copy(path: string): void {
  mkdirSync(dirname(join(dist, path)), { recursive: true });
  cpSync(join(root, path), join(dist, path));
}

/** Points every import, and every worker's URL, at the JavaScript file beside it. */
function rewriteImports(path: string, code: string): string {
  const { module } = parseSync(path.replace(/\.ts$/, '.js'), code);
  const spans = [
    ...module.staticImports.map((found) => found.moduleRequest),
    ...module.staticExports.flatMap((found) =>
      found.entries.flatMap((entry) => (entry.moduleRequest ? [entry.moduleRequest] : [])),
    ),
    ...module.dynamicImports.map((found) => found.moduleRequest),
  ];
  let result = code;
  const seen = new Set<number>();
  for (const { start, end } of spans.sort((a, b) => b.start - a.start)) {
    if (seen.has(start)) continue;
    seen.add(start);
    const literal = result.slice(start, end);
    const specifier = /^(['"])(.*)\1$/.exec(literal)?.[2];
    if (specifier !== undefined) result = `${result.slice(0, start)}'${toJavaScript(path, specifier)}'${result.slice(end)}`;
  }
  return result.replace(/(new URL\(\s*['"]\.{1,2}\/[^'"]+)\.ts(['"],\s*import\.meta\.url)/g, '$1.js$2');
}

function toJavaScript(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return specifier.replace(/\.ts$/, '.js');
  if (!specifier.startsWith('#')) return specifier;
  const target = specifier.startsWith('#src/') ? specifier.slice(1) : `src/${specifier.slice(1)}`;
  const path = relative(dirname(from), target.replace(/\.ts$/, '.js'));
  return path.startsWith('.') ? path : `./${path}`;
}
