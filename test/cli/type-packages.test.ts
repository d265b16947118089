/** Artifact types that come as npm packages, installed in the folder that a command is run in. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startVitrine } from '#test/support/vitrine-process.ts';
import { createTypesFolder, type TypesFolder } from '#test/types/type-folder.ts';
import { runVitrine } from './run-command.ts';

/** JavaScript, as packages ship it: Node strips no types below node_modules. */
const hooks = `import { defineHooks, fault } from 'vitrine/sdk';
export default defineHooks({
  validate: (artifact) => (artifact.properties.celsius < -273 ? [fault('/properties/celsius', 'is colder than cold')] : []),
});`;

function installPackage(): TypesFolder {
  const folder = createTypesFolder();
  folder.writeType('node_modules/vitrine-type-probe', {
    manifest: { type: 'probe' },
    versions: { 1: { celsius: { type: 'integer', 'x-filterable': true } } },
  });
  folder.write('node_modules/vitrine-type-probe/package.json', { name: 'vitrine-type-probe', version: '1.0.0', type: 'module' });
  folder.write('node_modules/vitrine-type-probe/hooks.js', hooks);
  return folder;
}

describe('an installed package vitrine-type-*', () => {
  it('is in the schema that is printed there, and nowhere else', async () => {
    using folder = installPackage();
    const here = await runVitrine(['schema', 'print'], { cwd: folder.path });
    expect(here).toMatchObject({ code: 0, err: '', out: expect.stringContaining('type Probe implements') });
    using elsewhere = createTypesFolder();
    expect((await runVitrine(['schema', 'print'], { cwd: elsewhere.path })).out).not.toContain('Probe');
  });

  it('is served there, its hooks with it', async () => {
    using folder = installPackage();
    await using server = await startVitrine({ cwd: folder.path });
    const push = (version: string, celsius: number) =>
      server.cli([
        'push',
        '--type',
        'probe',
        '--name',
        'attic',
        '--version',
        version,
        '--property',
        `celsius=${celsius}`,
        '--publish',
      ]);
    expect(await push('1.0.0', 21)).toMatchObject({ code: 0, stderr: '' });
    expect(await push('2.0.0', -300)).toMatchObject({ code: 3, stderr: expect.stringContaining('is colder than cold') });
    const listed = await server.cli(['list', 'probe', '--property', 'celsius=21', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject([{ version: '1.0.0', properties: { celsius: 21 } }]);
  });

  it('with a fault stops the start, by its name', async () => {
    using folder = installPackage();
    await writeFile(join(folder.path, 'node_modules/vitrine-type-probe/schemas/1.json'), '{}');
    await expect(startVitrine({ cwd: folder.path })).rejects.toThrow(/vitrine-type-probe\/schemas\/1\.json#/);
  });
});
