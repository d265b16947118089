/** Every setting of the schema as one flat list: its path, its environment variables, its flag, its place in the documents. */
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { configSchema } from './config-schema.ts';

export interface Setting {
  /** `database.poolSize` */
  readonly path: string;
  readonly schema: JsonObject;
  /** In order of precedence: `VITRINE_DATABASE_POOL_SIZE`; each also with `_FILE`. */
  readonly variables: readonly string[];
  /** `--database-pool-size`; null for what has no place on a command line. */
  readonly flag: string | null;
  readonly description: string;
  readonly isSecret: boolean;
  readonly isUrl: boolean;
  readonly isPath: boolean;
  readonly fallback: Json | undefined;
}

export const settings: readonly Setting[] = collect(configSchema.properties, []);

/** By path; undefined for a section and for what does not exist. */
export const settingByPath: ReadonlyMap<string, Setting> = new Map(settings.map((setting) => [setting.path, setting]));

function collect(properties: Json, above: readonly string[]): readonly Setting[] {
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = [...above, key];
    if (!isJsonObject(schema)) return [];
    return schema['type'] === 'object' ? collect(schema['properties'] ?? {}, path) : [toSetting(path, schema)];
  });
}

function toSetting(path: readonly string[], schema: JsonObject): Setting {
  const words = path.flatMap((part) => part.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(' '));
  const { description, 'x-variable': further } = schema;
  const isSecret = schema['x-secret'] === true;
  const isUrl = schema['x-url'] === true;
  const isShort = schema['type'] !== 'array' || (isJsonObject(schema['items']) && schema['items']['type'] === 'string');
  return {
    path: path.join('.'),
    schema,
    variables: [`VITRINE_${words.join('_').toUpperCase()}`, ...(typeof further === 'string' ? [further] : [])],
    // A command line is seen by every user of the machine: no secrets there, nor URLs that hold one.
    flag: isSecret || isUrl || !isShort ? null : `--${words.join('-')}`,
    description: typeof description === 'string' ? description : '',
    isSecret,
    isUrl,
    isPath: schema['x-path'] === true,
    fallback: schema['default'],
  };
}
