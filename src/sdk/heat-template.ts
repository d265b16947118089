/** Inspection of one Heat template, HOT or CloudFormation, by the rules of Heat's engine, without anything it refers to. */
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import type { HeatDocument } from '#core/heat-references.ts';
import { inspectHeatFunctions } from './heat-functions.ts';
import { type HeatDialect, heatDialect } from './heat-versions.ts';

const faultsMax = 50;

interface Words {
  readonly parameters: string;
  readonly resources: string;
  readonly outputs: string;
  readonly conditions: string;
  readonly type: string;
  readonly value: string;
}

const hotWords: Words = {
  parameters: 'parameters',
  resources: 'resources',
  outputs: 'outputs',
  conditions: 'conditions',
  type: 'type',
  value: 'value',
};
const cfnWords: Words = {
  parameters: 'Parameters',
  resources: 'Resources',
  outputs: 'Outputs',
  conditions: 'Conditions',
  type: 'Type',
  value: 'Value',
};

export interface HeatParameter {
  readonly name: string;
  readonly type: string;
  readonly hidden: boolean;
  readonly definition: JsonObject;
}

/** What a template says of itself. */
export interface HeatSummary {
  readonly format: 'hot' | 'cfn';
  readonly version: string;
  readonly description: string | null;
  readonly parameters: readonly HeatParameter[];
  /** Sorted, each once; as written, so also paths of nested templates. */
  readonly resourceTypes: readonly string[];
  readonly outputs: readonly string[];
}

/** Every fault, with pointers into the template; none means that Heat's engine reads it. */
export function inspectHeatTemplate(document: HeatDocument): Fault[] {
  if (document.faults.length > 0) return [...document.faults];
  const template = document.value;
  const dialect = heatDialect(template);
  if ('problem' in dialect) return [{ pointer: dialect.key === '' ? '' : `/${dialect.key}`, message: dialect.problem }];
  const words = dialect.format === 'hot' ? hotWords : cfnWords;
  const faults: Fault[] = [];
  for (const section of Object.keys(template)) {
    if (!dialect.sections.has(section))
      faults.push({ pointer: below('', section), message: `is no section of ${dialect.version}` });
  }
  inspectParameters(template, dialect, words, faults);
  inspectGroups(template, words, faults);
  inspectResources(template, dialect, words, faults);
  inspectOutputs(template, dialect, words, faults);
  const conditions = template[words.conditions];
  if (conditions !== undefined && !isJsonObject(conditions))
    faults.push({ pointer: `/${words.conditions}`, message: 'must be a map' });
  return faults.slice(0, faultsMax);
}

/** Of a template that passed `inspectHeatTemplate`. */
export function describeHeatTemplate(document: HeatDocument): HeatSummary | undefined {
  const dialect = heatDialect(document.value);
  if ('problem' in dialect) return undefined;
  const words = dialect.format === 'hot' ? hotWords : cfnWords;
  const description = document.value[dialect.format === 'hot' ? 'description' : 'Description'];
  const parameters = members(document.value[words.parameters]).map(([name, definition]): HeatParameter => {
    const hidden = definition[dialect.format === 'hot' ? 'hidden' : 'NoEcho'];
    return { name, type: textOf(definition[words.type]), hidden: hidden === true || hidden === 'true', definition };
  });
  const types = members(document.value[words.resources]).map(([, resource]) => textOf(resource[words.type]));
  return {
    format: dialect.format,
    version: dialect.version,
    description: typeof description === 'string' ? description : null,
    parameters,
    resourceTypes: [...new Set(types)].sort(),
    outputs: members(document.value[words.outputs]).map(([name]) => name),
  };
}

function inspectParameters(template: JsonObject, dialect: HeatDialect, words: Words, faults: Fault[]): void {
  for (const [name, definition] of entriesOf(template, words.parameters, faults)) {
    const pointer = below(`/${words.parameters}`, name);
    if (!isJsonObject(definition)) {
      faults.push({ pointer, message: 'must be a map' });
      continue;
    }
    const type = definition[words.type];
    if (type === undefined) faults.push({ pointer: below(pointer, words.type), message: 'is required' });
    else if (typeof type !== 'string' || !dialect.parameterTypes.has(type)) {
      faults.push({ pointer: below(pointer, words.type), message: `must be one of ${[...dialect.parameterTypes].join(', ')}` });
    }
    inspectKeys(definition, dialect.parameterKeys, 'a parameter', pointer, faults);
    if (dialect.format === 'hot') inspectConstraints(definition['constraints'], dialect, below(pointer, 'constraints'), faults);
  }
}

function inspectConstraints(constraints: Json | undefined, dialect: HeatDialect, pointer: string, faults: Fault[]): void {
  if (constraints === undefined) return;
  if (!Array.isArray(constraints)) {
    faults.push({ pointer, message: 'must be a list' });
    return;
  }
  for (const [index, constraint] of (constraints as readonly Json[]).entries()) {
    if (!isJsonObject(constraint)) faults.push({ pointer: `${pointer}/${index}`, message: 'must be a map' });
    else {
      inspectKeys(constraint, dialect.constraintKeys, 'a constraint', `${pointer}/${index}`, faults);
      if (Object.keys(constraint).every((key) => key === 'description')) {
        faults.push({ pointer: `${pointer}/${index}`, message: 'expresses no constraint' });
      }
    }
  }
}

function inspectGroups(template: JsonObject, words: Words, faults: Fault[]): void {
  const groups = template['parameter_groups'];
  if (groups === undefined) return;
  if (!Array.isArray(groups)) {
    faults.push({ pointer: '/parameter_groups', message: 'must be a list' });
    return;
  }
  const declared = template[words.parameters];
  for (const [index, group] of (groups as readonly Json[]).entries()) {
    const names = isJsonObject(group) ? group['parameters'] : undefined;
    if (!Array.isArray(names)) {
      faults.push({ pointer: `/parameter_groups/${index}/parameters`, message: 'must be a list of parameters' });
      continue;
    }
    for (const [place, name] of (names as readonly Json[]).entries()) {
      if (typeof name === 'string' && isJsonObject(declared) && Object.hasOwn(declared, name)) continue;
      faults.push({ pointer: `/parameter_groups/${index}/parameters/${place}`, message: 'names no parameter of the template' });
    }
  }
}

function inspectResources(template: JsonObject, dialect: HeatDialect, words: Words, faults: Fault[]): void {
  const resources = template[words.resources];
  if (!isJsonObject(resources) || Object.keys(resources).length === 0) {
    faults.push({ pointer: `/${words.resources}`, message: 'must be a map with at least one resource' });
    return;
  }
  for (const [name, resource] of Object.entries(resources)) {
    const pointer = below(`/${words.resources}`, name);
    if (!isJsonObject(resource)) {
      faults.push({ pointer, message: 'must be a map' });
      continue;
    }
    const type = resource[words.type];
    if (typeof type !== 'string' || type === '') faults.push({ pointer: below(pointer, words.type), message: 'must be a text' });
    inspectKeys(resource, dialect.resourceKeys, 'a resource', pointer, faults);
    for (const [key, value] of Object.entries(resource)) {
      if (key !== words.type) inspectHeatFunctions(value, dialect, below(pointer, key), faults);
    }
  }
}

function inspectOutputs(template: JsonObject, dialect: HeatDialect, words: Words, faults: Fault[]): void {
  for (const [name, output] of entriesOf(template, words.outputs, faults)) {
    const pointer = below(`/${words.outputs}`, name);
    if (!isJsonObject(output)) {
      faults.push({ pointer, message: 'must be a map' });
      continue;
    }
    if (!Object.hasOwn(output, words.value)) faults.push({ pointer: below(pointer, words.value), message: 'is required' });
    inspectKeys(output, dialect.outputKeys, 'an output', pointer, faults);
    inspectHeatFunctions(output[words.value] ?? null, dialect, below(pointer, words.value), faults);
  }
}

function inspectKeys(value: JsonObject, known: ReadonlySet<string>, what: string, pointer: string, faults: Fault[]): void {
  for (const key of Object.keys(value)) {
    if (!known.has(key)) faults.push({ pointer: below(pointer, key), message: `is no key of ${what} in this version` });
  }
}

/** The members of an optional section. */
function entriesOf(template: JsonObject, section: string, faults: Fault[]): [string, Json][] {
  const value = template[section];
  if (value === undefined) return [];
  if (isJsonObject(value)) return Object.entries(value);
  faults.push({ pointer: `/${section}`, message: 'must be a map' });
  return [];
}

function members(value: Json | undefined): [string, JsonObject][] {
  return isJsonObject(value)
    ? Object.entries(value).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]))
    : [];
}

function below(pointer: string, key: string): string {
  return `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
