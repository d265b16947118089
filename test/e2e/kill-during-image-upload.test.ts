/** A server that dies at each step of an image's upload: after its next start the image is whole, or queued with nothing kept. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failpointEnvironment } from '#test/support/arm-failpoints.ts';
import { startVitrine } from '#test/support/vitrine-process.ts';

const octets = { 'content-type': 'application/octet-stream' };

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'vitrine-kill-image-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

async function createImage(url: string): Promise<string> {
  const body = JSON.stringify({ name: 'killed', disk_format: 'raw', container_format: 'bare' });
  const response = await fetch(`${url}/v2/images`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  expect(response.status).toBe(201);
  return ((await response.json()) as { readonly id: string }).id;
}

const put = (url: string, id: string, body: BodyInit): Promise<number> =>
  fetch(`${url}/v2/images/${id}/file`, { method: 'PUT', body, headers: octets }).then(({ status }) => status);

/** Objects of the store, and whatever is half written beside them. */
async function countFiles(): Promise<number> {
  const folders = ['objects', 'staged', 'tmp'].map((name) => join(dataDir, 'blobs', name));
  const found = await Promise.all(folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })));
  return found.flat().filter((entry) => entry.isFile()).length;
}

describe('a server that is killed while an image is uploaded', () => {
  it.each([
    ['upload:begun', 'queued'],
    ['upload:received', 'queued'],
    ['publish:commit', 'queued'],
    ['upload:attached', 'active'],
  ])('at %s leaves it %s', { timeout: 60_000 }, async (point, status) => {
    const bytes = randomBytes(100_000);
    await using dying = await startVitrine({ dataDir, env: failpointEnvironment(`${point}=kill`) });
    const id = await createImage(dying.url);
    const before = await countFiles();
    const exited = once(dying.child, 'exit');
    await expect(put(dying.url, id, bytes)).rejects.toThrow();
    await exited;
    await using again = await startVitrine({ dataDir });
    const show = async (): Promise<object> => (await fetch(`${again.url}/v2/images/${id}`)).json() as Promise<object>;
    const data = await fetch(`${again.url}/v2/images/${id}/file`);
    if (status === 'active') {
      expect(await show()).toMatchObject({ status, size: bytes.length });
      expect(Buffer.from(await data.arrayBuffer()).equals(bytes)).toBe(true);
      return;
    }
    expect(await show()).toMatchObject({ status, size: null, checksum: null });
    expect(data.status).toBe(204);
    expect(await countFiles()).toBe(before);
    expect(await put(again.url, id, bytes)).toBe(204);
    expect(await show()).toMatchObject({ status: 'active', size: bytes.length });
  });
});
