/** Checks the assembled settings against the JSON Schema, and tells each fault in the words of whoever set the value. */
import { isAbsolute } from 'node:path';
import type { Fault } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import { type ErrorObject, type ValidateFunction, validatorOf } from '#base/validator.ts';
import { configSchema } from './config-schema.ts';
import type { SaidByPath } from './config-sources.ts';
import { didYouMean } from './did-you-mean.ts';

/** Compiled with the first use: most commands of the command line read no configuration. */
let compiled: ValidateFunction | undefined;

function compile(): ValidateFunction {
  const annotations = ['x-secret', 'x-path', 'x-url', 'x-variable'];
  return validatorOf(configSchema, {
    allErrors: true,
    discriminator: true,
    strict: true,
    verbose: true,
    annotations,
  });
}

/** Every fault; the pointer leads into the configuration. */
export function findFaults(config: JsonObject, said: SaidByPath): readonly Fault[] {
  compiled ??= compile();
  const validate = compiled;
  if (validate(config)) return [];
  return (validate.errors ?? []).map((error) => ({ pointer: error.instancePath, message: describe(error, said) }));
}

function describe(error: ErrorObject, said: SaidByPath): string {
  const parts = error.instancePath.split('/').slice(1);
  // The setting is the longest path that somebody set; the rest leads into its value.
  const length = [...parts.keys()].map((index) => index + 1).findLast((end) => said.has(parts.slice(0, end).join('.'))) ?? 0;
  const source = said.get(parts.slice(0, length).join('.'))?.source;
  // A variable and a flag are of one setting; a file has them all.
  if (source !== undefined && isAbsolute(source)) return `${source}: ${parts.join('.')} ${problem(error)}`;
  const within = parts.slice(length).join('.');
  return [source, within, problem(error)].filter(Boolean).join(' ');
}

function problem(error: ErrorObject): string {
  if (error.keyword === 'additionalProperties') {
    const { additionalProperty } = error.params;
    return `has no setting ${additionalProperty}${didYouMean(additionalProperty, Object.keys(error.parentSchema?.['properties'] ?? {}))}`;
  }
  if (error.keyword === 'enum') return `must be one of ${error.params['allowedValues'].join(', ')}`;
  if (error.keyword === 'discriminator') return 'kind must be filesystem or s3';
  return error.message ?? 'is not valid';
}
