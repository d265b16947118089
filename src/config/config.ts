/** The door of the room: the configuration, read from all its sources, validated once, frozen. */
import { join, resolve } from 'node:path';
import { AppError, type Fault } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { type AuthConfig, toAuthConfig } from './auth-config.ts';
import type { SchemaConfig } from './config-schema.ts';
import {
  type Environment,
  pointerOf,
  readConfigFile,
  readEnvironment,
  readFlags,
  type Said,
  type SaidByPath,
} from './config-sources.ts';
import { imageFaults } from './image-schema.ts';
import { settingByPath, settings } from './settings.ts';
import { findFaults } from './validate-config.ts';

export { describeConfig, renderSettings } from './describe-config.ts';
export { instanceKeySource } from './instance-key.ts';
export { settings } from './settings.ts';

/** What is in force. Paths are absolute; at least one store is there. */
export interface Config extends Omit<SchemaConfig, 'auth' | 'graphql'> {
  readonly defaultStore: string;
  readonly managementLog: string;
  readonly auth: AuthConfig;
  readonly graphql: Omit<SchemaConfig['graphql'], 'graphiql'> & { readonly graphiql: boolean };
}

export interface LoadedConfig {
  readonly config: Config;
  /** Every setting as it was said, or by its default, also where the configuration has it in another form. */
  readonly settled: JsonObject;
  /** Setting → `default`, a variable, a flag, or a file. */
  readonly sources: ReadonlyMap<string, string>;
}

export interface ConfigInput {
  readonly env: Environment;
  readonly cwd: string;
  /** Setting → text, as given on the command line. */
  readonly flags?: Environment | undefined;
  /** `--config FILE`; before VITRINE_CONFIG, before `vitrine.yaml` in the data folder. */
  readonly file?: string | undefined;
}

/** @throws AppError CONFIG_INVALID with every fault of every source */
export function loadConfig(input: ConfigInput): LoadedConfig {
  const faults: Fault[] = [];
  const flags = readFlags(input.flags ?? {}, input.cwd, faults);
  const environment = readEnvironment(input.env, input.cwd, faults);
  const file = readFile(input, new Map([...environment, ...flags]), faults);
  const said = new Map<string, Said>([...file, ...environment, ...flags]);
  const assembled = assemble(said, input.cwd);
  faults.push(...findFaults(assembled, said));
  // The schema has just said that it is one.
  const config = faults.length === 0 ? complete(assembled as unknown as SchemaConfig, faults) : undefined;
  if (config === undefined || faults.length > 0) {
    const [first, ...others] = faults;
    // One alone is the sentence; more are told as faults, each once.
    const message = others.length === 0 ? first?.message : `The configuration has ${faults.length} faults.`;
    throw new AppError('CONFIG_INVALID', message, { faults });
  }
  const sources = new Map(settings.map(({ path }) => [path, said.get(path)?.source ?? 'default']));
  return { config: freeze(config), settled: freeze(assembled), sources };
}

function readFile(input: ConfigInput, said: SaidByPath, faults: Fault[]): SaidByPath {
  const named = input.file ?? (input.env['VITRINE_CONFIG'] || undefined);
  if (named !== undefined) return readConfigFile(resolve(input.cwd, named), true, faults);
  const dataDir = said.get('dataDir')?.value ?? settingByPath.get('dataDir')?.fallback;
  const found = readConfigFile(resolve(input.cwd, typeof dataDir === 'string' ? dataDir : '', 'vitrine.yaml'), false, faults);
  const moved = found.get('dataDir');
  if (moved !== undefined) {
    faults.push({ pointer: '/dataDir', message: `${moved.source} lies in the data folder and cannot set dataDir` });
  }
  return found;
}

/** The values by section, with defaults, every path absolute. */
function assemble(said: SaidByPath, cwd: string): JsonObject {
  const root: Section = {};
  for (const setting of settings) {
    const keys = setting.path.split('.');
    const key = keys.pop() ?? '';
    const section = keys.reduce(sectionIn, root);
    const { value, base } = said.get(setting.path) ?? { value: setting.fallback, base: cwd };
    if (value !== undefined) section[key] = setting.isPath || setting.path === 'stores' ? absolute(value, base) : value;
  }
  return root;
}

interface Section {
  [key: string]: Json | Section;
}

function sectionIn(above: Section, key: string): Section {
  above[key] ??= {};
  return above[key] as Section;
}

/** Of text and of lists of text; of a store's own paths. What has another type is left to the JSON Schema. */
function absolute(value: Json, base: string): Json {
  if (typeof value === 'string') return value === '' ? value : resolve(base, value);
  if (!Array.isArray(value)) return value;
  return value.map((item: Json) => {
    if (!isJsonObject(item)) return absolute(item, base);
    const paths = Object.entries(item).filter(
      ([key, text]) => (key === 'path' || key === 'spoolDir') && typeof text === 'string',
    );
    return { ...item, ...Object.fromEntries(paths.map(([key, text]) => [key, absolute(text, base)])) };
  });
}

/** What the embedded PostgreSQL is started for, less what maintenance needs. */
const embeddedConnections = 80;

/** The defaults that follow from other settings, and the rules between settings. */
function complete(settled: SchemaConfig, faults: Fault[]): Config {
  const refuse = (setting: string, message: string) => faults.push({ pointer: pointerOf(setting), message });
  const stores: SchemaConfig['stores'] =
    settled.stores.length > 0
      ? settled.stores
      : [{ name: 'default', kind: 'filesystem', path: join(settled.dataDir, 'blobs'), leftoverAgeMs: undefined }];
  const names = stores.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) refuse('stores', `stores has ${twice} twice`);
  const defaultStore = settled.defaultStore ?? names[0] ?? 'default';
  if (!names.includes(defaultStore)) refuse('defaultStore', `defaultStore ${defaultStore} is none of ${names.join(', ')}`);
  if (settled.database.directUrl !== undefined && settled.database.url === undefined) {
    refuse('database.directUrl', 'database.directUrl needs database.url');
  }
  if (settled.database.url === undefined && settled.database.poolSize > embeddedConnections) {
    refuse('database.poolSize', `database.poolSize: the embedded database takes at most ${embeddedConnections}`);
  }
  for (const message of imageFaults(settled.image)) refuse('image.properties', message);
  const auth = toAuthConfig(settled.auth, settled.host, refuse);
  return {
    ...settled,
    stores,
    defaultStore,
    managementLog: settled.managementLog ?? join(settled.dataDir, 'management.log'),
    auth,
    graphql: { ...settled.graphql, graphiql: settled.graphql.graphiql ?? auth.dev },
  };
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}
