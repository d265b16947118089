/** An environment read with the files its registry names; and the names it sets and maps. */
import {
  defineHooks,
  type Fault,
  fault,
  type HeatTree,
  type HookArtifact,
  inspectHeatTree,
  isObject,
  type Json,
} from 'vitrine/sdk';

const namesMax = 500;
const nameUnitsMax = 1000;

export default defineHooks({
  async inspectBlob(blob, artifact) {
    if (blob.slot !== 'environment') return [];
    return (await inspectHeatTree(treeOf(artifact))).faults;
  },

  async derive(artifact) {
    const { documents } = await inspectHeatTree(treeOf(artifact));
    const root = artifact.blobs.find(({ slot }) => slot === 'environment')?.path ?? '';
    const environment = documents.get(root)?.value ?? {};
    const parameters = [...namesOf(environment['parameters']), ...namesOf(environment['parameter_defaults'])];
    // The registry's own words are no types: `resources` has single resources, `base_url` a place.
    const types = namesOf(environment['resource_registry']).filter((name) => name !== 'resources' && name !== 'base_url');
    return { parameters: sorted(parameters), resourceTypes: sorted(types) };
  },

  beforePublish(artifact): Fault[] {
    return artifact.dependencies.flatMap(({ alias }) => {
      const clash = artifact.blobs.find(({ path }) => path === alias || path.startsWith(`${alias}/`));
      const pointer = `/dependencies/${alias.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      return clash === undefined ? [] : [fault(pointer, `stands where the environment has its own ${clash.path}`)];
    });
  },
});

function treeOf(artifact: HookArtifact): HeatTree {
  const roots = artifact.blobs
    .filter(({ slot }) => slot === 'environment')
    .map(({ path }) => ({ path, role: 'environment' as const }));
  return { roots, blobs: artifact.blobs, aliases: artifact.dependencies.map(({ alias }) => alias) };
}

function namesOf(section: Json | undefined): string[] {
  return isObject(section) ? Object.keys(section) : [];
}

function sorted(names: readonly string[]): string[] {
  // YAML can write names that no property may hold.
  const storable = names.filter((name) => name.length <= nameUnitsMax && name.isWellFormed() && !name.includes('\0'));
  return [...new Set(storable)].sort().slice(0, namesMax);
}
