import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#base/package-root.ts';
import { createTypesFolder } from '#test/types/type-folder.ts';
import { runVitrine } from './run-command.ts';

describe('vitrine types check', () => {
  it('finds names that a server would not start with', async () => {
    using folder = createTypesFolder();
    const connection = { type: 'string', enum: ['wired', 'wireless'], description: 'How it is connected.' };
    const path = folder.writeType('gadget', { versions: { 1: { connection } } });
    const { code, out, err } = await runVitrine(['types', 'check', 'gadget'], { cwd: folder.path });
    expect([code, out]).toEqual([3, '']);
    expect(err).toContain('[TYPE_INVALID]');
    expect(err).toContain(`  ${path}/manifest.json#/graphql/fields/connection: The type "gadget" generates the GraphQL name`);
  });

  it('is content with a type that a server starts with', async () => {
    using folder = createTypesFolder();
    await cp(join(packageRoot(), 'artifact-types/_example'), join(folder.path, 'example'), { recursive: true });
    expect(await runVitrine(['types', 'check', 'example'], { cwd: folder.path })).toMatchObject({ code: 0, err: '' });
  });

  it('says of a file that it is no type', async () => {
    using folder = createTypesFolder();
    folder.write('file', '');
    expect(await runVitrine(['types', 'check', 'file'], { cwd: folder.path })).toMatchObject({
      code: 3,
      err: expect.stringContaining('manifest.json#: is missing'),
    });
  });
});
