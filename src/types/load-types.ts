/** Loads every artifact type of the given folders into the registry, or refuses with every fault of every folder. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { AppError, type Fault } from '#base/app-error.ts';
import { type HookLimits, hookLimits } from './hook-limits.ts';
import { createHookRunner, type HookRunner, noHooks } from './hook-runner.ts';
import { type LoadedType, type LoadOutcome, loadType } from './load-type.ts';
import { type ProbedHooks, probeHooks } from './probe-hooks.ts';
import type { TypeRegistry } from './type-registry.ts';

export interface LoadTypesOptions {
  /** Each is one type folder (it has a manifest.json), or a folder of them. */
  readonly folders: readonly string[];
  /** A folder whose `node_modules/vitrine-type-*` are loaded too; none where left out. */
  readonly packagesOf?: string | undefined;
  readonly hookLimits?: Partial<HookLimits> | undefined;
}

/** @throws AppError TYPE_INVALID; the pointer of each fault is `<folder>/<file>#<json pointer>` */
export async function loadTypes(options: LoadTypesOptions): Promise<TypeRegistry> {
  const faults: Fault[] = [];
  const folders = [...options.folders.flatMap((folder) => typeFolders(resolve(folder), faults)), ...packageFolders(options)];
  const limits = { ...hookLimits, ...options.hookLimits };
  const outcomes = [...new Set(folders)].map(loadType);
  const probed = await probeHooks(
    outcomes.flatMap(({ hooksFile }) => hooksFile ?? []),
    limits,
  );
  for (const { hooksFile, faults: found } of outcomes) {
    const problem = hooksFile === null ? null : (probed.get(hooksFile)?.problem ?? null);
    faults.push(...found);
    if (problem !== null) faults.push({ pointer: `${hooksFile}#`, message: problem });
  }
  faults.push(...clashes(outcomes.flatMap(({ type }) => type ?? [])));
  if (faults.length > 0) throw invalid(faults);
  return createRegistry(outcomes.flatMap((outcome) => withHooks(outcome, probed, limits) ?? []));
}

interface RunningType extends LoadedType {
  readonly hooks: HookRunner;
}

function withHooks(
  { type, hooksFile }: LoadOutcome,
  probed: ReadonlyMap<string, ProbedHooks>,
  limits: HookLimits,
): RunningType | undefined {
  if (type === undefined || hooksFile === null) return type && { ...type, hooks: noHooks };
  const hooks = createHookRunner({
    type: type.manifest.type,
    file: hooksFile,
    has: probed.get(hooksFile)?.has ?? new Set(),
    limits,
    isSystemWritten: (version, property) => type.versions.get(version)?.isSystemWritten(property) === true,
  });
  return { ...type, hooks };
}

/** A type folder itself, or the type folders in it; those whose name starts with `_` or `.` only when named directly. */
function typeFolders(folder: string, faults: Fault[]): string[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    faults.push({ pointer: `${folder}#`, message: 'there is no such folder' });
    return [];
  }
  if (existsSync(join(folder, 'manifest.json'))) return [folder];
  return readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !/^[_.]/.test(entry.name) && entry.name !== 'node_modules',
    )
    .map((entry) => join(folder, entry.name))
    .sort();
}

function packageFolders({ packagesOf }: LoadTypesOptions): string[] {
  const modules = packagesOf === undefined ? undefined : join(resolve(packagesOf), 'node_modules');
  if (modules === undefined || !existsSync(modules)) return [];
  return readdirSync(modules)
    .filter((name) => name.startsWith('vitrine-type-'))
    .map((name) => join(modules, name))
    .sort();
}

/** Two folders may not claim one type, nor two types one name in GraphQL. */
function clashes(types: readonly LoadedType[]): Fault[] {
  const faults: Fault[] = [];
  const claim = (pointer: string, what: string, nameOf: (type: LoadedType) => string): void => {
    const owners = new Map<string, LoadedType>();
    for (const type of types) {
      const name = nameOf(type);
      const owner = owners.get(name);
      if (owner === undefined) owners.set(name, type);
      else {
        const message = `${what} "${name}" is taken by the type in ${basename(owner.folder)} (${owner.folder})`;
        faults.push({ pointer: `${type.folder}/manifest.json#${pointer}`, message });
      }
    }
  };
  claim('/type', 'type', ({ manifest }) => manifest.type);
  claim('/graphql/typeName', 'GraphQL type', ({ manifest }) => manifest.graphql.typeName);
  claim('/graphql/plural', 'list', ({ manifest }) => manifest.graphql.plural);
  return faults;
}

function invalid(faults: readonly Fault[]): AppError {
  const folders = new Set(faults.map(({ pointer }) => pointer.split('#')[0]?.split('/').slice(0, -1).join('/')));
  const first = faults[0];
  const counted = `${count(faults.length, 'fault')} in ${count(folders.size, 'type folder')}`;
  return new AppError('TYPE_INVALID', `${counted}: ${first?.pointer} ${first?.message}`, { faults });
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function createRegistry(types: readonly RunningType[]): TypeRegistry {
  const sorted = types.toSorted((a, b) => (a.manifest.type < b.manifest.type ? -1 : 1));
  const byName = new Map(sorted.map((type) => [type.manifest.type, type]));
  return {
    types: byName,
    get(name) {
      const type = byName.get(name);
      if (type === undefined) throw new AppError('TYPE_UNKNOWN', `There is no artifact type "${name}".`);
      return type;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(types.map(({ hooks }) => hooks[Symbol.asyncDispose]()));
    },
  };
}
