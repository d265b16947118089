/**
 * Validators of JSON Schemas, by ajv. What every start needs alike is compiled ahead, after an install (deploy/compile-validators.ts):
 * compiling is a fifth of a start. Found by the content of schema and options, so that one which is out of step is never used.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Ajv2020, Options, ValidateFunction } from 'ajv/dist/2020.js';
import type { FormatName } from 'ajv-formats';

export type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';

export interface ValidatorOptions extends Pick<Options, 'allErrors' | 'allowUnionTypes' | 'discriminator' | 'verbose'> {
  readonly strict: boolean;
  readonly strictTypes?: boolean;
  readonly strictRequired?: boolean;
  /** Keywords that only annotate. */
  readonly annotations?: readonly string[];
  /** Formats that are checked, in full. */
  readonly formats?: readonly FormatName[];
}

export interface CompiledValidator {
  readonly key: string;
  readonly ajv: Ajv2020;
  readonly validate: ValidateFunction;
}

// ajv is loaded where something is left to compile, and compiling is synchronous: so is this.
const require = createRequire(import.meta.url);

/** Written by an install; a tree without it compiles everything itself. */
const aheadFile = './generated/validators.cjs';

let ahead: Readonly<Record<string, ValidateFunction>> | undefined;

/** @throws Error where ajv's strict mode finds a fault in the schema */
export function validatorOf(schema: object, options: ValidatorOptions): ValidateFunction {
  ahead ??= loadAhead();
  return ahead[keyOf(schema, options)] ?? compileValidator(schema, options).validate;
}

/** Compiled here and now, whatever was compiled ahead. @throws Error as `validatorOf` */
export function compileValidator(schema: object, options: ValidatorOptions): CompiledValidator {
  const { annotations = [], formats = [], ...settings } = options;
  const { Ajv2020: Ajv } = require('ajv/dist/2020.js') as typeof import('ajv/dist/2020.js');
  // Without the meta-schema, whose compilation costs more than all the rest: ours are tested, and those of types are checked
  // against a narrower one. With its source, which is what is written when it is compiled ahead.
  const ajv = new Ajv({ ...settings, validateSchema: false, code: { source: true } });
  if (formats.length > 0) {
    // What its types call `default.default` is, to require, the module itself.
    const addFormats: typeof import('ajv-formats')['default']['default'] = require('ajv-formats');
    addFormats(ajv, { mode: 'full', formats: [...formats] });
  }
  for (const keyword of annotations) ajv.addKeyword({ keyword });
  const compiled = { key: keyOf(schema, options), ajv, validate: ajv.compile(schema) };
  onCompiled?.(compiled);
  return compiled;
}

let onCompiled: ((compiled: CompiledValidator) => void) | undefined;

/** For who compiles ahead: told of everything that is compiled from here on, of which nothing was compiled ahead. */
export function watchCompiling(listener: (compiled: CompiledValidator) => void): void {
  ahead = {};
  onCompiled = listener;
}

function keyOf(schema: object, options: ValidatorOptions): string {
  return createHash('sha256')
    .update(JSON.stringify([schema, options]))
    .digest('hex')
    .slice(0, 32);
}

function loadAhead(): Readonly<Record<string, ValidateFunction>> {
  try {
    return require(aheadFile);
  } catch {
    return {};
  }
}
