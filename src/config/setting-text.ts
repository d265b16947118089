/** Reads a setting's value from text, as environment variables and flags have it. */

import { parse } from 'yaml';
import { isJsonObject, type Json } from '#base/json.ts';
import type { Setting } from './settings.ts';

/** The value, or what is wrong with the text. Ranges and patterns are left to the JSON Schema. */
export function parseSettingText(setting: Setting, text: string): { readonly value: Json } | { readonly problem: string } {
  const type = setting.schema['type'];
  if (type === 'integer') {
    return /^\s*-?\d{1,15}\s*$/.test(text) ? { value: Number(text) } : { problem: 'must be a whole number' };
  }
  if (type === 'number') {
    return /^\s*-?\d{1,15}(\.\d{1,15})?\s*$/.test(text) ? { value: Number(text) } : { problem: 'must be a number' };
  }
  if (type === 'boolean') return parseBoolean(text.trim().toLowerCase());
  return type === 'array' ? parseList(setting, text.trim()) : { value: text };
}

function parseBoolean(text: string) {
  if (text === 'true' || text === '1') return { value: true };
  if (text === 'false' || text === '0') return { value: false };
  return { problem: 'must be true or false' };
}

/** `a,b` for lists of text; JSON or YAML for every list. */
function parseList(setting: Setting, text: string): { readonly value: Json } | { readonly problem: string } {
  const items = setting.schema['items'];
  const isOfText = isJsonObject(items) && items['type'] === 'string';
  if (isOfText && !text.startsWith('['))
    return {
      value: text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    };
  try {
    const value: unknown = parse(text, { maxAliasCount: 0 });
    return Array.isArray(value) ? { value } : { problem: 'must be a list, as JSON' };
  } catch {
    return { problem: 'must be a list, as JSON' };
  }
}
