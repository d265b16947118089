/** Singleton slots, for a publish that pins and for a closure that is read: which they are, and what an edge would take. */
import { parseRange, satisfies } from '#core/range.ts';
import type { Version } from '#core/version.ts';
import type { OpContext } from './context.ts';

/** False also for a type that is not loaded here: its rules are not known. */
export function isSingletonSlot(
  { types }: { readonly types: Pick<OpContext['types'], 'types'> },
  type: string,
  typeVersion: string,
  slot: string,
): boolean {
  return types.types.get(type)?.versions.get(typeVersion)?.rule.dependencies[slot]?.singleton ?? false;
}

/** An edge takes what it leads to and, unless it names one artifact by id, whatever lies in its range. */
export function takesVersion(
  edge: { readonly version: string | null; readonly isById: boolean; readonly range: string },
  version: Version,
): boolean {
  return edge.version === version.text || (!edge.isById && satisfies(version, parseRange(edge.range)));
}
