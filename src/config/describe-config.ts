/** The configuration for people: what is in force and from where, with secrets masked, and the table of all settings. */
import { isJsonObject, type Json } from '#base/json.ts';
import type { LoadedConfig } from './config.ts';
import { type Setting, settings } from './settings.ts';
import { s3StoreSchema } from './store-schema.ts';

interface SettingRow {
  readonly setting: string;
  /** As JSON would write it, text without quotes; '' for what is not set. */
  readonly value: string;
  readonly source: string;
}

const mask = '********';
const storeProperties: Readonly<Record<string, object>> = s3StoreSchema.properties;

/** One row for each setting, in the order of the schema. */
export function describeConfig({ config, settled, sources }: LoadedConfig): readonly SettingRow[] {
  return settings.map((setting) => ({
    setting: setting.path,
    value: show(setting, valueAt(config, setting.path) ?? valueAt(settled, setting.path)),
    source: sources.get(setting.path) ?? 'default',
  }));
}

/** The Markdown table that docs/configuration.md carries. */
export function renderSettings(): string {
  const rows = settings.map((setting) => {
    const names = setting.variables.map((variable) => `\`${variable}\``).join(', ');
    const flag = setting.flag === null ? '' : `\`${setting.flag}\``;
    const fallback = setting.fallback === undefined ? '' : `\`${JSON.stringify(setting.fallback)}\``;
    return `| \`${setting.path}\` | ${names} | ${flag} | ${fallback} | ${setting.description.replaceAll('|', '\\|')} |`;
  });
  return ['| setting | variables | flag | default | meaning |', '|---|---|---|---|---|', ...rows, ''].join('\n');
}

function valueAt(config: object, path: string): unknown {
  let value: unknown = config;
  for (const part of path.split('.')) value = Object(value)[part];
  return value;
}

function show(setting: Setting, value: unknown): string {
  if (value === undefined) return '';
  if (setting.isSecret) return mask;
  if (typeof value === 'string') return setting.isUrl ? maskUrl(value) : value;
  return JSON.stringify(value, maskStoreSecrets);
}

function maskStoreSecrets(key: string, value: Json): Json {
  return isJsonObject(value) || !('x-secret' in (storeProperties[key] ?? {})) ? value : mask;
}

/** The password of the authority, and a `password` among the parameters. */
function maskUrl(text: string): string {
  try {
    const url = new URL(text);
    if (url.password !== '') url.password = mask;
    if (url.searchParams.has('password')) url.searchParams.set('password', mask);
    return url.href;
  } catch {
    return mask;
  }
}
