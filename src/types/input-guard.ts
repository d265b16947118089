/** Bounds on what a user sends as properties, checked before any JSON Schema sees it: depth, sizes, and names. */
import type { Fault } from '#base/app-error.ts';
import type { Json, JsonObject } from '#base/json.ts';
import { pointerSegment } from './ajv-faults.ts';
import { prototypeKeys } from './manifest-schema.ts';

export const inputLimits = {
  depth: 32,
  /** Values in all, at every depth. */
  values: 20_000,
  /** UTF-16 units of one string. */
  stringUnits: 65_536,
  nameUnits: 255,
  items: 10_000,
} as const;

const forbiddenNames: ReadonlySet<string> = new Set(prototypeKeys);

/** The first few faults; a value that is refused is not looked into. */
export function guardFaults(properties: JsonObject): Fault[] {
  const faults: Fault[] = [];
  let values = 0;

  const visit = (value: Json, pointer: string, depth: number): void => {
    values++;
    if (values > inputLimits.values || faults.length >= 20) return;
    if (typeof value === 'string') visitText(value, pointer);
    else if (typeof value === 'number') {
      if (!Number.isFinite(value)) faults.push({ pointer, message: 'is not a finite number' });
    } else if (typeof value === 'object' && value !== null) {
      if (depth >= inputLimits.depth) faults.push({ pointer, message: `is nested deeper than ${inputLimits.depth} levels` });
      else if (Array.isArray(value)) visitItems(value, pointer, depth);
      else visitMembers(value as JsonObject, pointer, depth);
    }
  };
  const visitText = (value: string, pointer: string): void => {
    if (value.length > inputLimits.stringUnits) {
      faults.push({ pointer, message: `is longer than ${inputLimits.stringUnits} characters` });
    } else if (value.includes('\u0000')) faults.push({ pointer, message: 'has a NUL character, which cannot be stored' });
    else if (!value.isWellFormed()) faults.push({ pointer, message: 'has a lone surrogate' });
  };
  const visitItems = (items: readonly Json[], pointer: string, depth: number): void => {
    if (items.length > inputLimits.items) faults.push({ pointer, message: `has more than ${inputLimits.items} items` });
    else for (const [index, item] of items.entries()) visit(item, `${pointer}/${index}`, depth + 1);
  };
  const visitMembers = (members: JsonObject, pointer: string, depth: number): void => {
    for (const [name, member] of Object.entries(members)) {
      const problem = nameProblem(name);
      if (problem === undefined) visit(member, `${pointer}/${pointerSegment(name)}`, depth + 1);
      else faults.push({ pointer: `${pointer}/${pointerSegment(name.slice(0, inputLimits.nameUnits))}`, message: problem });
    }
  };

  visit(properties, '', 0);
  if (values > inputLimits.values) faults.push({ pointer: '', message: `has more than ${inputLimits.values} values` });
  return faults;
}

function nameProblem(name: string): string | undefined {
  if (forbiddenNames.has(name)) return 'is a name that is not allowed';
  if (name.length === 0) return 'has an empty name';
  if (name.length > inputLimits.nameUnits) return `has a name longer than ${inputLimits.nameUnits} characters`;
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) return 'has a name with control characters';
  return undefined;
}
