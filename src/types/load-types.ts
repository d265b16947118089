/** Loads every artifact type of the given folders into the registry, or refuses with every fault of every folder. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { AppError, type Fault } from '#base/app-error.ts';
import { type LoadedType, loadType } from './load-type.ts';
import type { ArtifactType, TypeRegistry } from './type-registry.ts';

export interface LoadTypesOptions {
  /** Each is one type folder (it has a manifest.json), or a folder of them. */
  readonly folders: readonly string[];
  /** A folder whose `node_modules/vitrine-type-*` are loaded too; none where left out. */
  readonly packagesOf?: string | undefined;
}

/** @throws AppError TYPE_INVALID; the pointer of each fault is `<folder>/<file>#<json pointer>` */
export async function loadTypes(options: LoadTypesOptions): Promise<TypeRegistry> {
  const faults: Fault[] = [];
  const folders = [...options.folders.flatMap((folder) => typeFolders(resolve(folder), faults)), ...packageFolders(options)];
  const loaded: LoadedType[] = [];
  for (const folder of new Set(folders)) {
    const outcome = loadType(folder);
    faults.push(...outcome.faults);
    if (outcome.type) loaded.push(outcome.type);
  }
  faults.push(...clashes(loaded));
  if (faults.length > 0) throw invalid(faults);
  return createRegistry(loaded.map((type) => ({ ...type, hooks: noHooks })));
}

/** A type folder itself, or the type folders in it; those whose name starts with `_` or `.` only when named directly. */
function typeFolders(folder: string, faults: Fault[]): string[] {
  if (!existsSync(folder)) {
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
  return new AppError(
    'TYPE_INVALID',
    `${faults.length} faults in ${folders.size} type folders: ${first?.pointer} ${first?.message}`,
    {
      faults,
    },
  );
}

function createRegistry(types: readonly ArtifactType[]): TypeRegistry {
  const sorted = types.toSorted((a, b) => (a.manifest.type < b.manifest.type ? -1 : 1));
  const byName = new Map(sorted.map((type) => [type.manifest.type, type]));
  return {
    types: byName,
    get(name) {
      const type = byName.get(name);
      if (type === undefined) throw new AppError('TYPE_UNKNOWN', `There is no artifact type "${name}".`);
      return type;
    },
    async [Symbol.asyncDispose]() {},
  };
}

const noHooks: ArtifactType['hooks'] = {
  has: new Set(),
  validate: async () => [],
  inspectBlob: async () => [],
  derive: async () => ({}),
  beforePublish: async () => [],
};
