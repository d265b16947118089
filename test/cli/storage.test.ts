/** The care of stored bytes from the command line: by a running server, and without one. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newObjectKey } from '#blobs/blobs.ts';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';
import { createFolder, runVitrine } from './run-command.ts';

/** A draft with one blob, and the file that holds it. */
async function upload(vitrine: VitrineProcess, text: string): Promise<{ readonly id: string; readonly file: string }> {
  const query = `mutation { createArtifact(input: { type: "bundle", name: "stored" }) { ... on ArtifactPayload { artifact { id } } } }`;
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${vitrine.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  const { data } = (await answer.json()) as { data: { createArtifact: { artifact: { id: string } } } };
  const { id } = data.createArtifact.artifact;
  const sent = await fetch(`${vitrine.url}/api/v1/artifacts/${id}/slots/files/a.txt`, { method: 'PUT', body: text });
  expect(sent.status).toBe(201);
  const [file = ''] = await listObjects(vitrine.dataDir);
  return { id, file };
}

async function listObjects(dataDir: string): Promise<string[]> {
  const files = await readdir(join(dataDir, 'blobs/objects'), { recursive: true, withFileTypes: true });
  return files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
}

async function plantStray(dataDir: string): Promise<void> {
  const key = newObjectKey();
  const folder = join(dataDir, 'blobs/objects', key.slice(0, 2));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, key), 'stray');
}

describe('vitrine storage', () => {
  it('checks, repairs and scrubs by a server, and without one', { timeout: 120_000 }, async () => {
    await using folder = await createFolder();
    const dataDir = join(folder.path, 'data');
    const vitrine = await startVitrine({ dataDir });
    try {
      const { id, file } = await upload(vitrine, 'stored bytes');
      await plantStray(dataDir);
      const checked = await vitrine.cli(['storage', 'check', '--json']);
      expect(checked.code).toBe(0);
      expect(JSON.parse(checked.stdout)).toMatchObject({
        stores: [{ store: 'default', rows: 1, strays: { count: 1, removed: 0 } }],
      });
      const dry = await vitrine.cli(['storage', 'repair', '--dry-run', '--stray-age', '0']);
      expect(dry.stdout).toMatch(/unknown objects +1, due 1, removed 0/);
      const repaired = await vitrine.cli(['storage', 'repair', '--stray-age', '0']);
      expect(repaired.stdout).toMatch(/unknown objects +1, due 1, removed 1/);
      expect(await listObjects(dataDir)).toEqual([file]);

      await writeFile(file, 'stored bytEs');
      const scrubbed = await vitrine.cli(['storage', 'scrub', '--older-than', '0']);
      expect(scrubbed).toMatchObject({ code: 9, stderr: expect.stringContaining('[BLOB_UNAVAILABLE]') });
      expect(scrubbed.stdout).toContain('quarantined 1');
      expect(scrubbed.stdout).toContain(`default/bundle/stored a.txt (${id})`);
      expect((await fetch(`${vitrine.url}/api/v1/artifacts/${id}/slots/files/a.txt`)).status).toBe(503);
      const busy = await runVitrine(['storage', 'check', '--local', '--data-dir', dataDir]);
      expect(busy).toMatchObject({ code: 7, err: expect.stringContaining('[DATA_DIR_IN_USE]') });

      await writeFile(file, 'stored bytes');
      await vitrine.stop();
      const restored = await runVitrine(['storage', 'scrub', '--local', '--older-than', '0', '--data-dir', dataDir, '--json']);
      expect(restored.code).toBe(0);
      expect(JSON.parse(restored.out)).toMatchObject({ restored: 1, quarantined: 0 });
      const local = await runVitrine(['storage', 'check', '--local', '--data-dir', dataDir, '--json']);
      expect(JSON.parse(local.out)).toMatchObject({ isClean: true });
      expect((await runVitrine(['storage', 'collect', '--local', '--data-dir', dataDir])).out).toContain('condemned 0');
    } finally {
      await vitrine.stop();
    }
  });
});
