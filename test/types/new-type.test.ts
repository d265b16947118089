import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkType } from '#types/check-type.ts';
import { newType } from '#types/new-type.ts';
import { createTypesFolder } from './type-folder.ts';

const example = join(import.meta.dirname, '../../artifact-types/_example');

describe('a new type', () => {
  it('is a copy of the example under its own name that passes the kit where it stands', async () => {
    using folder = createTypesFolder();
    const path = newType({ name: 'field-note', example, parent: join(folder.path, 'deep/types') });
    expect(path).toBe(join(folder.path, 'deep/types/field-note'));
    expect(await checkType(path)).toMatchObject({ ok: true, type: 'field-note' });
    expect(readdirSync(join(folder.path, 'deep/types'))).toEqual(['field-note']);
    expect(readdirSync(path).filter((name) => name.endsWith('.test.ts'))).toEqual([]);
  });

  it('says its own name and title wherever the example says its', () => {
    using folder = createTypesFolder();
    const path = newType({ name: 'field-note', example, parent: folder.path });
    const read = (file: string) => readFileSync(join(path, file), 'utf8');
    expect(JSON.parse(read('manifest.json'))).toMatchObject({ type: 'field-note', title: 'Field note' });
    expect(JSON.parse(read('schemas/1.json'))).toMatchObject({ title: 'Field note, version 1' });
    expect(read('README.md')).toMatch(/^# field-note\n/);
  });

  it.each(['Note', 'a_b', '-a', 'a--b', '', '../x', 'a'.repeat(65)])('is not made under the name "%s"', (name) => {
    using folder = createTypesFolder();
    expect(() => newType({ name, example, parent: folder.path })).toThrowError(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('does not replace what is there', () => {
    using folder = createTypesFolder();
    folder.writeType('note');
    expect(() => newType({ name: 'note', example, parent: folder.path })).toThrowError(
      expect.objectContaining({ code: 'OUTPUT_EXISTS' }),
    );
  });

  it('leaves nothing behind under a name that GraphQL has taken', () => {
    using folder = createTypesFolder();
    expect(() => newType({ name: 'artifact', example, parent: folder.path })).toThrowError(
      expect.objectContaining({ code: 'TYPE_INVALID' }),
    );
    expect(existsSync(join(folder.path, 'artifact'))).toBe(false);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
