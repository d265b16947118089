/** ajv's errors in our words: one fault each, with a JSON Pointer to the very member that is wrong. */
import type { Fault } from '#base/app-error.ts';
import type { ErrorObject } from '#base/validator.ts';

/** More than this tells nobody more. */
const faultsMax = 100;

/** Distinct faults in ajv's order, without the errors that only say that a part failed. */
export function ajvFaults(errors: readonly ErrorObject[] | null | undefined): Fault[] {
  const faults = new Map<string, Fault>();
  for (const error of errors ?? []) {
    // `propertyNames` repeats its inner error; `not` and `if` say nothing a reader can use beside it.
    if (error.keyword === 'if') continue;
    const fault = toFault(error);
    faults.set(`${fault.pointer}\n${fault.message}`, fault);
    if (faults.size >= faultsMax) break;
  }
  return [...faults.values()];
}

/** One segment of a JSON Pointer (RFC 6901). */
export function pointerSegment(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function toFault(error: ErrorObject): Fault {
  const params = error.params as Readonly<Record<string, unknown>>;
  const below = (name: unknown): string => `${error.instancePath}/${pointerSegment(String(name))}`;
  switch (error.keyword) {
    case 'required':
      return { pointer: below(params['missingProperty']), message: 'is required' };
    case 'additionalProperties':
      return { pointer: below(params['additionalProperty']), message: 'is not known here' };
    case 'unevaluatedProperties':
      return { pointer: below(params['unevaluatedProperty']), message: 'is not known here' };
    case 'propertyNames':
      return { pointer: below(params['propertyName']), message: 'has a name that is not allowed' };
    case 'enum':
      return { pointer: error.instancePath, message: `must be one of ${listed(params['allowedValues'])}` };
    case 'const':
      return { pointer: error.instancePath, message: `must be ${JSON.stringify(params['allowedValue'])}` };
    case 'type':
      return { pointer: error.instancePath, message: `must be ${[params['type']].flat().join(' or ')}` };
    default:
      if (error.propertyName !== undefined) {
        return { pointer: below(error.propertyName), message: 'has a name that is not allowed' };
      }
      return { pointer: error.instancePath, message: error.message ?? `does not satisfy ${error.keyword}` };
  }
}

function listed(values: unknown): string {
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)).join(', ') : String(values);
}
