/** Checks a payload against the JSON Schema of its job. */
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import { type ValidateFunction, validatorOf } from '#base/validator.ts';
import type { JobDefinition } from './job-definition.ts';

const validators = new WeakMap<JobDefinition, ValidateFunction>();

/** @throws AppError INPUT_INVALID, with a fault for each thing that is wrong */
export function checkPayload(definition: JobDefinition, payload: JsonObject): void {
  let validate = validators.get(definition);
  if (validate === undefined) {
    validate = validatorOf(definition.payload, { strict: true, allErrors: true });
    validators.set(definition, validate);
  }
  if (validate(payload)) return;
  const faults = (validate.errors ?? []).map(({ instancePath, message = 'is not valid' }) => ({
    pointer: `/payload${instancePath}`,
    message,
  }));
  throw new AppError('INPUT_INVALID', `The payload is not one of the job ${definition.name}.`, { faults });
}
