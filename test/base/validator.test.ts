import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileValidator, validatorOf } from '#base/validator.ts';
import { annotations, formats } from '#types/schema-subset.ts';
import { root } from '../house/modules.ts';

const schema = { type: 'object', properties: { a: { type: 'string', format: 'uri', 'x-note': 1 } }, additionalProperties: false };
const options = { strict: true, allErrors: true, annotations: ['x-note'], formats: ['uri'] } as const;

describe('a validator', () => {
  it('judges alike, compiled ahead or now', async () => {
    const imageSchema = JSON.parse(await readFile(join(root, 'artifact-types/image/schemas/1.json'), 'utf8'));
    const typeOptions = { strict: true, allErrors: true, annotations, formats };
    const { key, validate: now } = compileValidator(imageSchema, typeOptions);
    expect(await readFile(join(root, 'src/base/generated/validators.cjs'), 'utf8')).toContain(`exports['${key}']`);
    const found = validatorOf(imageSchema, typeOptions);
    for (const value of [
      { disk_format: 'raw', container_format: 'bare' },
      { disk_format: 'floppy' },
      { min_ram: -1 },
      { other: {} },
    ]) {
      expect(found(value)).toBe(now(value));
      expect(found.errors?.map(({ message }) => message)).toEqual(now.errors?.map(({ message }) => message));
    }
  });

  it('is strict about its schema, and checks formats', () => {
    const validate = validatorOf(schema, options);
    expect(validate({ a: 'https://example.org/' })).toBe(true);
    expect(validate({ a: 'no uri', b: 1 })).toBe(false);
    expect(validate.errors).toHaveLength(2);
    expect(() => validatorOf({ ...schema, unknownKeyword: 1 }, options)).toThrow('unknownKeyword');
  });
});
