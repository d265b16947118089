/** A stack's files read together: every reference satisfied, every template sound; and what the template says of itself. */
import {
  defineHooks,
  describeHeatTemplate,
  type Fault,
  fault,
  type HeatParameter,
  type HeatTree,
  type HookArtifact,
  heatMergeStrategies,
  inspectHeatTree,
  isObject,
  type Json,
  type JsonObject,
  resolvePath,
} from 'vitrine/sdk';

/** What the derived parameters may take in JSON; beyond it they keep names and types only. */
const parametersUnitsMax = 24_576;
const namesMax = 500;
const textUnitsMax = 1000;
/** Deeper defaults and constraints are left out. */
const depthMax = 16;

export default defineHooks({
  /** What can be said before there are files. */
  validate(artifact) {
    return environmentFiles(artifact).flatMap((path, index) => {
      const resolved = resolvePath('', path);
      const isNormal = resolved.kind === 'path' && resolved.path === path;
      return isNormal ? [] : [fault(`/properties/environmentFiles/${index}`, 'is not a normalised relative path')];
    });
  },

  /** The files make sense together only, so all of them are judged with the template. */
  async inspectBlob(blob, artifact) {
    if (blob.slot !== 'template') return [];
    const { faults, documents } = await inspectHeatTree(treeOf(artifact));
    const strategies = new Map<string, string>();
    const contradictions = environmentFiles(artifact).flatMap((path) => {
      const document = documents.get(path);
      return document === undefined
        ? []
        : [...heatMergeStrategies(document)].flatMap(([parameter, strategy]) => {
            const earlier = strategies.get(parameter) ?? strategy;
            strategies.set(parameter, earlier);
            const message = `/parameter_merge_strategies/${segment(parameter)}: is ${strategy}, and ${earlier} in an environment before it`;
            return earlier === strategy ? [] : [fault(`/slots/files/${segment(path)}`, message)];
          });
    });
    return [...faults, ...contradictions];
  },

  async derive(artifact) {
    const { documents } = await inspectHeatTree(treeOf(artifact));
    const root = artifact.blobs.find(({ slot }) => slot === 'template')?.path ?? '';
    const document = documents.get(root);
    const summary = document && describeHeatTemplate(document);
    if (summary === undefined) throw new Error('derive runs after inspectBlob, which refuses what is no template');
    const types = [...documents.values()].flatMap((reached) => describeHeatTemplate(reached)?.resourceTypes ?? []);
    return {
      templateFormat: summary.format,
      templateVersion: summary.version,
      ...(summary.description === null ? {} : { templateDescription: shorten(summary.description) }),
      parameters: describeParameters(summary.parameters),
      resourceTypes: [...new Set(types)]
        .filter((type) => !/\.(yaml|template)$/.test(type) && isStorable(type))
        .sort()
        .slice(0, namesMax),
      outputs: summary.outputs.filter((name) => isStorable(name)).slice(0, namesMax),
    };
  },

  /** What links properties, dependencies and files. */
  beforePublish(artifact) {
    return [...missingEnvironments(artifact), ...clashingAliases(artifact), ...unknownParameters(artifact)];
  },
});

function treeOf(artifact: HookArtifact): HeatTree {
  const template = artifact.blobs
    .filter(({ slot }) => slot === 'template')
    .map(({ path }) => ({ path, role: 'template' as const }));
  const own = new Set(artifact.blobs.map(({ path }) => path));
  const environments = environmentFiles(artifact)
    .filter((path) => own.has(path))
    .map((path) => ({ path, role: 'environment' as const }));
  return { roots: [...template, ...environments], blobs: artifact.blobs, aliases: treeAliases(artifact) };
}

/** Aliases whose files stand in the stack's tree; an image is only named by its id. */
function treeAliases(artifact: HookArtifact): string[] {
  return artifact.dependencies.filter(({ slot }) => slot !== 'image').map(({ alias }) => alias);
}

function environmentFiles(artifact: HookArtifact): string[] {
  const paths = artifact.properties['environmentFiles'];
  return Array.isArray(paths) ? paths.filter((path) => typeof path === 'string') : [];
}

function missingEnvironments(artifact: HookArtifact): Fault[] {
  const own = new Set(artifact.blobs.filter(({ slot }) => slot === 'files').map(({ path }) => path));
  return environmentFiles(artifact).flatMap((path, index) =>
    own.has(path) ? [] : [fault(`/properties/environmentFiles/${index}`, 'is no path in slot files')],
  );
}

/** A file of the stack and a file of the dependency would be the same key of the projection. */
function clashingAliases(artifact: HookArtifact): Fault[] {
  return treeAliases(artifact).flatMap((alias) => {
    const clash = artifact.blobs.find(({ path }) => path === alias || path.startsWith(`${alias}/`));
    return clash === undefined
      ? []
      : [fault(`/dependencies/${segment(alias)}`, `stands where the stack has its own ${clash.path}`)];
  });
}

function unknownParameters(artifact: HookArtifact): Fault[] {
  const parameters = artifact.properties['parameters'];
  const names = new Set(
    Array.isArray(parameters) ? parameters.map((parameter: Json) => isObject(parameter) && parameter['name']) : [],
  );
  return artifact.dependencies.flatMap(({ alias, parameter }) =>
    parameter === null || names.has(parameter)
      ? []
      : [fault(`/dependencies/${segment(alias)}`, `names parameter "${parameter}", which the template does not have`)],
  );
}

function describeParameters(parameters: readonly HeatParameter[]): readonly JsonObject[] {
  const whole = parameters
    .filter(({ name }) => isStorable(name))
    .slice(0, namesMax)
    .map(describeParameter);
  if (JSON.stringify(whole).length <= parametersUnitsMax) return whole;
  const short = whole.map(
    ({ name, type, hidden }): JsonObject => ({ name: name ?? '', type: type ?? '', hidden: hidden ?? false }),
  );
  return JSON.stringify(short).length <= parametersUnitsMax ? short : [];
}

function describeParameter({ name, type, hidden, definition }: HeatParameter): JsonObject {
  const label = definition['label'] ?? definition['Label'];
  const description = definition['description'] ?? definition['Description'];
  const value = definition['default'] ?? definition['Default'];
  const constraints = definition['constraints'];
  return {
    name,
    type,
    hidden,
    ...(typeof label === 'string' ? { label: shorten(label) } : {}),
    ...(typeof description === 'string' ? { description: shorten(description) } : {}),
    // A hidden parameter's default is a secret more often than not.
    ...(value === undefined || hidden || JSON.stringify(value).length > textUnitsMax || !isStorable(value)
      ? {}
      : { default: value }),
    ...(Array.isArray(constraints) && isStorable(constraints) ? { constraints } : {}),
  };
}

/** A part for people; never half a character, nor one that no property may hold. */
function shorten(text: string): string {
  return text.slice(0, textUnitsMax).replaceAll('\0', '').toWellFormed();
}

/** Whether a property may hold it: YAML can write more than that, and a template is sound all the same. */
function isStorable(value: Json, depth = 1): boolean {
  if (typeof value === 'string') return value.length <= textUnitsMax && value.isWellFormed() && !value.includes('\0');
  if (typeof value !== 'object' || value === null) return true;
  if (depth > depthMax) return false;
  if (Array.isArray(value)) return value.every((item: Json) => isStorable(item, depth + 1));
  return Object.entries(value).every(
    ([name, member]) =>
      name !== '' && name.length <= 255 && !/\p{Cc}/u.test(name) && name.isWellFormed() && isStorable(member, depth + 1),
  );
}

/** One segment of a JSON Pointer. */
function segment(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
