/** Checks one type folder as its author would want it checked before release: it loads, and its fixtures do as they should. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Fault, isAppError } from '#base/app-error.ts';
import { type FixtureResult, runFixtures } from '#sdk/conformance.ts';
import { loadTypes } from './load-types.ts';
import type { TypeRegistry } from './type-registry.ts';

export interface CheckReport {
  readonly folder: string;
  /** Null where no server could load it. */
  readonly type: string | null;
  /** Why it does not load, or is not complete; pointers `<folder>/<file>#<json pointer>`. */
  readonly faults: readonly Fault[];
  readonly fixtures: readonly FixtureResult[];
  readonly ok: boolean;
}

/**
 * Never throws for what stands in the folder.
 * @param assertServable what a server does with loaded types when it starts; throws TYPE_INVALID
 */
export async function checkType(folder: string, assertServable?: (types: TypeRegistry) => unknown): Promise<CheckReport> {
  const path = resolve(folder);
  try {
    if (!existsSync(join(path, 'manifest.json')))
      return report(path, null, [{ pointer: `${path}/manifest.json#`, message: 'is missing' }]);
    await using registry = await loadTypes({ folders: [path] });
    const [type] = registry.types.values();
    if (type === undefined) return report(path, null, [{ pointer: `${path}#`, message: 'has no type' }]);
    assertServable?.(registry);
    const fixtures = await runFixtures(type, path);
    return report(path, type.manifest.type, incomplete(path, fixtures), fixtures);
  } catch (error) {
    if (isAppError(error, 'TYPE_INVALID')) return report(path, null, error.faults);
    throw error;
  }
}

function report(
  folder: string,
  type: string | null,
  faults: readonly Fault[],
  fixtures: readonly FixtureResult[] = [],
): CheckReport {
  return { folder, type, faults, fixtures, ok: faults.length === 0 && fixtures.every(({ problem }) => problem === null) };
}

/** A type without a good and a bad example, or without a word about itself, is not ready for others. */
function incomplete(folder: string, fixtures: readonly FixtureResult[]): Fault[] {
  const faults: Fault[] = [];
  if (!existsSync(join(folder, 'README.md'))) faults.push({ pointer: `${folder}/README.md#`, message: 'is missing' });
  for (const kind of ['valid', 'invalid']) {
    if (fixtures.some(({ name }) => name.startsWith(`${kind}-`))) continue;
    faults.push({ pointer: `${folder}/fixtures#`, message: `has no ${kind}-*.json` });
  }
  return faults;
}
