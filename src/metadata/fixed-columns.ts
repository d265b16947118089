/** What a list's filter leaves the columns that the indexes of lists are divided by. */
import type { Json } from '#base/json.ts';
import { artifactStates, visibilities } from '#core/artifact.ts';
import type { Filter, FilterField, FilterOperator } from '#core/filter.ts';
import { conjunctsOf } from '#core/simplify-filter.ts';

/** The values that are left to each column; null where any are. */
export interface FixedColumns {
  readonly types: readonly string[] | null;
  readonly projects: readonly string[] | null;
  readonly visibilities: readonly string[] | null;
  readonly states: readonly string[] | null;
}

export function fixedColumns({ type, filter }: { readonly type: string | null; readonly filter: Filter | null }): FixedColumns {
  const conjuncts = conjunctsOf(filter);
  const valuesOf = (field: FilterField, start: readonly string[] | null): readonly string[] | null => {
    let fixed = start;
    for (const part of conjuncts) {
      if (part.kind !== 'field' || part.field !== field) continue;
      const list = valuesLeft(part.field, part.operator, part.value);
      if (list === undefined) continue;
      const wanted = [...new Set(list.filter((value): value is string => typeof value === 'string' && !value.includes('\0')))];
      fixed = fixed === null ? wanted : fixed.filter((value) => wanted.includes(value));
    }
    return fixed;
  };
  const known = valuesOf('visibility', null)?.filter((value) => visibilities.some((visibility) => visibility === value)) ?? null;
  return {
    types: valuesOf('type', type === null ? null : [type]),
    projects: valuesOf('project', null),
    // All of them divide nothing.
    visibilities: known?.length === visibilities.length ? null : known,
    states: valuesOf('state', null),
  };
}

/** The values that a condition leaves a column; undefined where it names none. A visibility or a state that is not one is one of the rest. */
function valuesLeft(field: FilterField, operator: FilterOperator, value: Json): readonly Json[] | undefined {
  if (operator === 'ne' && field === 'visibility') return visibilities.filter((visibility) => visibility !== value);
  if (operator === 'ne' && field === 'state') return artifactStates.filter((state) => state !== value);
  if (operator !== 'eq' && operator !== 'in') return undefined;
  return Array.isArray(value) ? value : [value];
}
