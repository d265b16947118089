/** What the file, the environment and the flags say about the settings, each value with where it came from. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { configSchema } from './config-schema.ts';
import { didYouMean } from './did-you-mean.ts';
import { parseSettingText } from './setting-text.ts';
import { type Setting, settingByPath, settings } from './settings.ts';

export interface Said {
  readonly value: Json;
  /** `VITRINE_PORT`, `--port`, or the file's path. */
  readonly source: string;
  /** What relative paths in it are relative to. */
  readonly base: string;
}

export type SaidByPath = ReadonlyMap<string, Said>;
export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables under our prefix that are no settings: of the command line's client, of the tests, and of their runs. */
const otherVariables = new Set(['VITRINE_CONFIG', 'VITRINE_URL', 'VITRINE_TOKEN']);
const otherPrefixes = /^VITRINE_(TEST|CI|RACE|KILL|REQUIRE)_/;

export function pointerOf(path: string): string {
  return `/${path.replaceAll('.', '/')}`;
}

export function readFlags(flags: Environment, cwd: string, faults: Fault[]): SaidByPath {
  const said = new Map<string, Said>();
  for (const [path, text] of Object.entries(flags)) {
    const setting = settingByPath.get(path);
    if (setting === undefined) faults.push({ pointer: pointerOf(path), message: `there is no setting ${path}` });
    else if (text !== undefined) note(said, setting, text, setting.flag ?? path, cwd, faults);
  }
  return said;
}

/** An empty variable says nothing, as compose files write what is unset. */
export function readEnvironment(env: Environment, cwd: string, faults: Fault[]): SaidByPath {
  const said = new Map<string, Said>();
  for (const setting of settings) {
    for (const variable of setting.variables.toReversed()) {
      const text = variableText(env, variable, setting, cwd, faults);
      if (text !== undefined) note(said, setting, text.text, text.source, cwd, faults);
    }
  }
  const known = settings.flatMap(({ variables }) => variables);
  for (const variable of Object.keys(env)) {
    const isOurs = variable.startsWith('VITRINE_') && !otherVariables.has(variable) && !otherPrefixes.test(variable);
    if (!isOurs || known.includes(variable.replace(/_FILE$/, ''))) continue;
    faults.push({ pointer: '', message: `${variable} is no setting${didYouMean(variable, known)}` });
  }
  return said;
}

function variableText(env: Environment, variable: string, setting: Setting, cwd: string, faults: Fault[]) {
  const text = env[variable];
  const file = env[`${variable}_FILE`];
  if (file === undefined || file === '') return text === undefined || text === '' ? undefined : { text, source: variable };
  const source = `${variable}_FILE`;
  if (text !== undefined && text !== '') {
    faults.push({ pointer: pointerOf(setting.path), message: `${variable} and ${source} are both set` });
    return undefined;
  }
  try {
    return { text: readFileSync(resolve(cwd, file), 'utf8').replace(/\r?\n$/, ''), source };
  } catch (error) {
    faults.push({ pointer: pointerOf(setting.path), message: `${source}: ${reason(error)}` });
    return undefined;
  }
}

function note(said: Map<string, Said>, setting: Setting, text: string, source: string, base: string, faults: Fault[]): void {
  const parsed = parseSettingText(setting, text);
  if ('value' in parsed) said.set(setting.path, { value: parsed.value, source, base });
  else faults.push({ pointer: pointerOf(setting.path), message: `${source} ${parsed.problem}` });
}

/** JSON or YAML. @param isNamed false: a file that is looked for, and may be missing */
export function readConfigFile(path: string, isNamed: boolean, faults: Fault[]): SaidByPath {
  const said = new Map<string, Said>();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Below a file nothing stands: whether that will do as a data folder is said by who makes it.
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    if (isNamed || !isMissing) faults.push({ pointer: '', message: reason(error) });
    return said;
  }
  const document = parseDocument(text, { prettyErrors: true });
  for (const error of document.errors) faults.push({ pointer: '', message: `${path}: ${error.message.split('\n')[0]}` });
  if (document.errors.length > 0) return said;
  const value = plainValue(document, path, faults);
  if (isJsonObject(value)) walk(value, configSchema.properties, [], { said, path, faults });
  else if (value !== null) faults.push({ pointer: '', message: `${path} must hold an object` });
  return said;
}

function plainValue(document: ReturnType<typeof parseDocument>, path: string, faults: Fault[]): unknown {
  try {
    return document.toJS({ maxAliasCount: 20 });
  } catch (error) {
    faults.push({ pointer: '', message: `${path}: ${reason(error)}` });
    return null;
  }
}

interface Walk {
  readonly said: Map<string, Said>;
  readonly path: string;
  readonly faults: Fault[];
}

function walk(section: JsonObject, properties: JsonObject, above: readonly string[], into: Walk): void {
  for (const [key, value] of Object.entries(section)) {
    const here = [...above, key];
    const schema = Object.hasOwn(properties, key) ? properties[key] : undefined;
    const pointer = pointerOf(here.join('.'));
    if (!isJsonObject(schema)) {
      into.faults.push({
        pointer,
        message: `${into.path}: ${here.join('.')} is no setting${didYouMean(key, Object.keys(properties))}`,
      });
    } else if (schema['type'] !== 'object') {
      // A key without a value says nothing.
      if (value !== null) into.said.set(here.join('.'), { value, source: into.path, base: dirname(into.path) });
    } else if (isJsonObject(value) && isJsonObject(schema['properties'])) {
      walk(value, schema['properties'], here, into);
    } else if (value !== null) {
      into.faults.push({ pointer, message: `${into.path}: ${here.join('.')} must be an object` });
    }
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
