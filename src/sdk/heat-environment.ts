/** Inspection of one Heat environment by the rules of Heat's engine, without the files its registry names. */
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { HeatDocument } from '#core/heat-references.ts';

const mapSections = ['parameters', 'parameter_defaults', 'resource_registry', 'parameter_merge_strategies'] as const;
const listSections = ['encrypted_param_names', 'event_sinks'] as const;
const sections = new Set<string>([...mapSections, ...listSections]);

const mergeStrategies = ['overwrite', 'merge', 'deep_merge'] as const;
const hookTypes = ['pre-create', 'pre-update', 'pre-delete', 'post-create', 'post-update', 'post-delete'];
const restrictedActions = ['update', 'replace'];

/** Every fault, with pointers into the environment. An empty file is an environment that changes nothing. */
export function inspectHeatEnvironment(document: HeatDocument): Fault[] {
  if (document.faults.length > 0) return [...document.faults];
  const environment = document.value;
  const faults: Fault[] = [];
  for (const [section, value] of Object.entries(environment)) {
    const pointer = `/${section.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (!sections.has(section)) faults.push({ pointer, message: `is none of the sections ${[...sections].join(', ')}` });
    else if (value === null) faults.push({ pointer, message: 'must not be empty' });
    else if (mapSections.some((name) => name === section) && !isJsonObject(value))
      faults.push({ pointer, message: 'must be a map' });
    else if (listSections.some((name) => name === section) && !Array.isArray(value))
      faults.push({ pointer, message: 'must be a list' });
  }
  inspectStrategies(environment['parameter_merge_strategies'], faults);
  inspectRegistry(environment['resource_registry'], faults);
  return faults;
}

/** Strategy by parameter, as far as they are valid; `default` stands for all others. */
export function heatMergeStrategies(document: HeatDocument): ReadonlyMap<string, string> {
  const strategies = document.value['parameter_merge_strategies'];
  if (!isJsonObject(strategies)) return new Map();
  return new Map(Object.entries(strategies).filter((entry): entry is [string, string] => isStrategy(entry[1])));
}

function isStrategy(value: Json): boolean {
  return mergeStrategies.some((strategy) => strategy === value);
}

function inspectStrategies(strategies: Json | undefined, faults: Fault[]): void {
  if (!isJsonObject(strategies)) return;
  for (const [name, strategy] of Object.entries(strategies)) {
    if (isStrategy(strategy)) continue;
    const pointer = `/parameter_merge_strategies/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    faults.push({ pointer, message: `must be one of ${mergeStrategies.join(', ')}` });
  }
}

function inspectRegistry(registry: Json | undefined, faults: Fault[]): void {
  if (!isJsonObject(registry)) return;
  inspectEntries(registry, '/resource_registry', faults);
  const resources = registry['resources'];
  if (resources === undefined) return;
  if (!isJsonObject(resources)) {
    faults.push({ pointer: '/resource_registry/resources', message: 'must be a map' });
    return;
  }
  for (const [name, entries] of Object.entries(resources)) {
    const pointer = `/resource_registry/resources/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (isJsonObject(entries)) inspectEntries(entries, pointer, faults);
    else faults.push({ pointer, message: 'must be a map' });
  }
}

function inspectEntries(entries: JsonObject, pointer: string, faults: Fault[]): void {
  for (const [name, value] of Object.entries(entries)) {
    const below = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (name === 'hooks') inspectWords(value, hookTypes, below, faults);
    else if (name === 'restricted_actions') inspectWords(value, restrictedActions, below, faults);
    else if (typeof value !== 'string' && !isJsonObject(value) && name !== 'resources')
      faults.push({ pointer: below, message: 'must be a text or a map' });
  }
}

function inspectWords(value: Json, known: readonly string[], pointer: string, faults: Fault[]): void {
  const words: readonly Json[] = Array.isArray(value) ? (value as readonly Json[]) : [value];
  if (!words.every((word) => typeof word === 'string' && known.includes(word))) {
    faults.push({ pointer, message: `must be one or a list of ${known.join(', ')}` });
  }
}
