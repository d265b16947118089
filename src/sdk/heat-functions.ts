/** Calls of functions in a Heat template that its version does not know. */
import type { Fault } from '#base/app-error.ts';
import { isJsonObject, type Json } from '#base/json.ts';
import { everyHeatFunction, type HeatDialect } from './heat-versions.ts';

/**
 * A map of one key is a call where the key is a function. One that only another version knows would be passed on as plain data,
 * which nobody means; words that are common in data (`filter`, `if` …) count only in the form of a call.
 */
export function inspectHeatFunctions(value: Json, dialect: HeatDialect, pointer: string, faults: Fault[]): void {
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries())
      inspectHeatFunctions(item, dialect, `${pointer}/${index}`, faults);
  } else if (isJsonObject(value)) {
    const entries = Object.entries(value);
    const [name, argument] = entries.length === 1 && entries[0] !== undefined ? entries[0] : ['', null];
    if (!dialect.functions.has(name) && isCall(name, argument)) {
      faults.push({ pointer: below(pointer, name), message: `is no function of ${dialect.version}` });
    }
    for (const [key, inner] of entries) inspectHeatFunctions(inner, dialect, below(pointer, key), faults);
  }
}

function isCall(name: string, argument: Json): boolean {
  const isList = (length: number): boolean => Array.isArray(argument) && argument.length === length;
  const has = (key: string): boolean => isJsonObject(argument) && Object.hasOwn(argument, key);
  switch (name) {
    case 'if':
      return isList(3);
    case 'filter':
    case 'contains':
    case 'digest':
      return isList(2);
    case 'repeat':
      return has('for_each');
    case 'yaql':
      return has('expression');
    default:
      return everyHeatFunction.has(name) || /^(get_[a-z]+|Fn::[A-Za-z0-9]+)$/.test(name);
  }
}

function below(pointer: string, key: string): string {
  return `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
