/** What Heat says of templates that nest templates: not in a circle, and not deeper than it takes. */
import type { Fault } from '#base/app-error.ts';
import { compareCodeUnits } from '#core/canonical-json.ts';
import { findCycle, type GraphEdge, topologicalOrder } from '#core/dependency-graph.ts';
import { heatLimits } from '#sdk/sdk.ts';

/** @param nested from the key of a template to that of one it nests */
export function nestingFaults(nested: readonly GraphEdge[], keys: readonly string[]): readonly Fault[] {
  const cycle = findCycle(keys, nested);
  if (cycle !== undefined) return [{ pointer: '', message: `has templates that nest each other: ${cycle.join(' → ')}` }];
  const targets = Map.groupBy(nested, ({ from }) => from);
  const depths = new Map<string, number>();
  let deepest = 0;
  // What is nested first: a recursion would be as deep as the templates.
  for (const { id } of topologicalOrder(
    keys.map((key) => ({ id: key })),
    nested,
    (a, b) => compareCodeUnits(a.id, b.id),
  )) {
    const depth = (targets.get(id) ?? []).reduce((most, { to }) => Math.max(most, 1 + (depths.get(to) ?? 0)), 0);
    depths.set(id, depth);
    deepest = Math.max(deepest, depth);
  }
  if (deepest <= heatLimits.nestedDepth) return [];
  return [{ pointer: '', message: `nests templates ${deepest} deep, and Heat takes ${heatLimits.nestedDepth}` }];
}
