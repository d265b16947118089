/** Checks a payload against the JSON Schema of its job. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { JobDefinition } from './job-definition.ts';

const validators = new WeakMap<JobDefinition, ValidateFunction>();

/** @throws AppError INPUT_INVALID, with a fault for each thing that is wrong */
export function checkPayload(definition: JobDefinition, payload: JsonObject): void {
  let validate = validators.get(definition);
  if (validate === undefined) {
    validate = new Ajv2020({ strict: true, allErrors: true }).compile(definition.payload);
    validators.set(definition, validate);
  }
  if (validate(payload)) return;
  const faults = (validate.errors ?? []).map(({ instancePath, message = 'is not valid' }) => ({
    pointer: `/payload${instancePath}`,
    message,
  }));
  throw new AppError('INPUT_INVALID', `The payload is not one of the job ${definition.name}.`, { faults });
}
