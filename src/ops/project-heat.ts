/**
 * A closure as Heat takes it: one template, one flat map of files, the environments in their order. Each reference is rewritten
 * to the file's path in the tree, `<alias>/<path>` for a dependency's, and that is the file's key.
 */
import { AppError, type Fault } from '#base/app-error.ts';
import { authoriseDownloads } from './complete-resource.ts';
import type { OpContext } from './context.ts';
import type { GetClosureInput } from './get-closure.ts';
import { locateClosure } from './get-closure.ts';
import { createHeatTree, type HeatPlace } from './heat-tree.ts';
import { artifactNotFound } from './load-artifact.ts';
import { requireComplete } from './require-complete.ts';

/** Field names are Heat's own: this is the body of its requests. */
export interface HeatProjection {
  readonly template: string;
  readonly files: Readonly<Record<string, string>>;
  /** Keys of `files`, later ones win. */
  readonly environment_files: readonly string[];
  /** Image ids, for the parameters that dependencies name. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Heat's own default for the size of a request. */
const bodyBytesMax = 1024 * 1024;

/**
 * Environments that are artifacts come first, in the order of the dependencies; then the stack's own, in the order of its
 * property. Only what is referred to is in `files`.
 * @throws AppError as getClosure, CLOSURE_INCOMPLETE, PROJECTION_INVALID with its faults (the first hundred), FORBIDDEN
 */
export async function projectHeat(
  context: OpContext,
  { ref, mode }: Pick<GetClosureInput, 'ref' | 'mode'>,
): Promise<HeatProjection> {
  const located = await locateClosure(context, { ref, mode });
  const { closure } = located;
  const downloadable = await authoriseDownloads(context, closure.nodes);
  for (const { id } of closure.nodes) if (!downloadable.has(id)) throw artifactNotFound(id);
  requireComplete(closure);
  const root = closure.nodes.find(({ id }) => id === closure.root);
  const rule = root === undefined ? null : (context.types.types.get(root.type)?.manifest.projections.heat ?? null);
  if (root === undefined || rule?.role !== 'template') {
    throw invalid([{ pointer: '', message: 'is of a type that does not say it is a Heat template' }]);
  }
  const tree = createHeatTree(context, located);
  const template = root.blobs.find(({ slot }) => slot === rule.slot);
  if (template === undefined) throw invalid([{ pointer: `/slots/${rule.slot}`, message: 'is empty' }]);

  const edges = closure.edges.filter(({ from, to }) => from === root.id && to !== null);
  const environments: HeatPlace[] = [];
  const parameters: Record<string, string> = {};
  for (const { to, alias, parameter } of edges) {
    const node = closure.nodes.find(({ id }) => id === to);
    if (node === undefined) continue;
    if (parameter !== null) parameters[parameter] = node.id;
    const target = context.types.types.get(node.type)?.manifest.projections.heat;
    const document = node.blobs.find(({ slot }) => slot === target?.slot);
    if (target?.role === 'environment' && document !== undefined)
      environments.push({ node, prefix: `${alias}/`, path: document.path });
  }
  const listed = rule.environmentFiles === null ? [] : root.properties[rule.environmentFiles];
  const own = Array.isArray(listed) ? listed.filter((path) => typeof path === 'string') : [];
  environments.push(...own.map((path) => ({ node: root, prefix: '', path })));

  const text = await tree.addRoot({ node: root, prefix: '', path: template.path });
  for (const place of environments) await tree.addEnvironment(place);
  const projection = {
    template: text,
    files: Object.fromEntries([...tree.files].sort(([a], [b]) => (a < b ? -1 : 1))),
    environment_files: environments.map(({ prefix, path }) => prefix + path),
    parameters,
  };
  const faults = [...tree.faults, ...sizeFaults(projection)];
  if (faults.length > 0) throw invalid(faults);
  return projection;
}

function sizeFaults(projection: HeatProjection): readonly Fault[] {
  const bytes = Buffer.byteLength(JSON.stringify(projection));
  if (bytes <= bodyBytesMax) return [];
  return [{ pointer: '', message: `is ${bytes} bytes as a request, more than the ${bodyBytesMax} that Heat accepts` }];
}

function invalid(faults: readonly Fault[]): AppError {
  const text = faults.map(({ pointer, message }) => `${pointer === '' ? 'The stack' : pointer} ${message}.`).join(' ');
  return new AppError('PROJECTION_INVALID', text, { faults });
}
