/** Dependencies as callers write them: read, judged by the rules of the type, and written out again. */
import { AppError, type Fault, isAppError } from '#base/app-error.ts';
import type { Dependency, DependencyInput } from '#core/artifact.ts';
import { type ArtifactRef, formatArtifactRef, parseArtifactRef } from '#core/artifact-ref.ts';
import { assertName, assertPath } from '#core/names.ts';
import { parseVersion } from '#core/version.ts';
import type { dependencyRecords } from '#metadata/metadata.ts';
import type { TypeVersion } from '#types/type-registry.ts';
import type { OpContext } from './context.ts';

type NewDependency = dependencyRecords.NewDependency;

/**
 * The dependencies as they are stored. Of a draft: too few of a slot is publish's fault to find.
 * @throws AppError LIMIT_EXCEEDED, DEPENDENCY_INVALID with every fault
 */
export function readDependencies(
  context: OpContext,
  version: TypeVersion,
  inputs: readonly DependencyInput[],
): readonly NewDependency[] {
  const max = context.settings.maxDependencies;
  if (inputs.length > max) {
    throw new AppError('LIMIT_EXCEEDED', `There are ${inputs.length} dependencies, more than ${max}.`);
  }
  const faults: Fault[] = [];
  const dependencies = inputs.flatMap((input, index) => readDependency(version, input, `/dependencies/${index}`, faults) ?? []);
  faults.push(...aliasFaults(inputs), ...countFaults(version, inputs, 'max'));
  if (faults.length > 0) throw new AppError('DEPENDENCY_INVALID', undefined, { faults });
  return dependencies;
}

/** @throws AppError DEPENDENCY_INVALID when a slot has fewer dependencies than its rule demands */
export function assertDependencyCounts(version: TypeVersion, dependencies: readonly { readonly slot: string }[]): void {
  const faults = [...countFaults(version, dependencies, 'min'), ...countFaults(version, dependencies, 'max')];
  if (faults.length > 0) throw new AppError('DEPENDENCY_INVALID', undefined, { faults });
}

/** A stored dependency as callers read it: with the reference in its canonical text. */
export function toDependency(row: dependencyRecords.DependencyRow): Dependency {
  const { slot, alias, targetProject, targetType, targetName, targetId, range, parameter, resolved } = row;
  const ref = formatArtifactRef(targetRef(row));
  return { slot, alias, ref, targetProject, targetType, targetName, targetId, range, parameter, resolved };
}

/** What a stored dependency points at. */
export function targetRef(
  row: Omit<NewDependency, 'alias' | 'slot' | 'parameter'>,
): Extract<ArtifactRef, { kind: 'id' | 'range' }> {
  if (row.targetId !== null) return { kind: 'id', id: row.targetId };
  return {
    kind: 'range',
    project: row.targetProject,
    type: row.targetType ?? '',
    name: row.targetName ?? '',
    range: row.range,
    exact: parseVersion(row.range) ?? null,
  };
}

function readDependency(
  version: TypeVersion,
  input: DependencyInput,
  pointer: string,
  faults: Fault[],
): NewDependency | undefined {
  const rule = Object.hasOwn(version.rule.dependencies, input.slot) ? version.rule.dependencies[input.slot] : undefined;
  if (rule === undefined) faults.push({ pointer: `${pointer}/slot`, message: 'is no dependency slot of the type' });
  // An alias is where a dependency's files lie in the consumer's tree.
  check(() => assertPath(input.alias), `${pointer}/alias`, faults);
  const parameter = input.parameter ?? null;
  if (parameter !== null) check(() => assertName(parameter), `${pointer}/parameter`, faults);
  const ref = check(() => parseArtifactRef(input.ref), `${pointer}/ref`, faults);
  if (ref === undefined || rule === undefined) return undefined;
  const common = { slot: input.slot, alias: input.alias, parameter };
  if (ref.kind === 'id') {
    return { ...common, targetProject: null, targetType: null, targetName: null, targetId: ref.id, range: '' };
  }
  if (ref.kind !== 'range') {
    faults.push({ pointer: `${pointer}/ref`, message: 'must be a family with a version range, or an id' });
    return undefined;
  }
  if (!rule.targets.includes(ref.type)) {
    faults.push({ pointer: `${pointer}/ref`, message: `must point at ${rule.targets.join(' or ')}, not ${ref.type}` });
  }
  return {
    ...common,
    targetProject: ref.project,
    targetType: ref.type,
    targetName: ref.name,
    targetId: null,
    range: ref.range,
  };
}

function aliasFaults(inputs: readonly DependencyInput[]): readonly Fault[] {
  const seen = new Set<string>();
  return inputs.flatMap(({ alias }, index) => {
    if (!seen.has(alias)) {
      seen.add(alias);
      return [];
    }
    return [{ pointer: `/dependencies/${index}/alias`, message: 'is the alias of another dependency already' }];
  });
}

function countFaults(
  version: TypeVersion,
  dependencies: readonly { readonly slot: string }[],
  bound: 'min' | 'max',
): readonly Fault[] {
  return Object.entries(version.rule.dependencies).flatMap(([slot, rule]) => {
    const count = dependencies.filter((dependency) => dependency.slot === slot).length;
    if (bound === 'min' && count < rule.min) {
      return [{ pointer: '/dependencies', message: `slot ${slot} needs at least ${rule.min}, and has ${count}` }];
    }
    if (bound === 'max' && rule.max !== null && count > rule.max) {
      return [{ pointer: '/dependencies', message: `slot ${slot} takes at most ${rule.max}, and has ${count}` }];
    }
    return [];
  });
}

function check<Value>(read: () => Value, pointer: string, faults: Fault[]): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (!isAppError(error)) throw error;
    faults.push({ pointer, message: error.message });
    return undefined;
  }
}
