import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hexSha256, tusUpload } from '#test/support/tus-client.ts';
import { createBundle, type KilledVitrine, startKilledVitrine, untilOver } from '#test/support/tus-kill.ts';

const mebibyte = 1024 * 1024;

/** Slowly enough that something is always under way. */
function begin(killed: KilledVitrine, id: string, bytes: Buffer, chunkSize: number) {
  const metadata = { artifact: id, slot: 'files', path: 'a/file', sha256: hexSha256(bytes) };
  return tusUpload(`${killed.proxy.url}/api/v1/uploads`, bytes, { chunkSize, metadata });
}

async function download(url: string, id: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/artifacts/${id}/slots/files/a/file`);
  return hexSha256(new Uint8Array(await response.arrayBuffer()));
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 30_000) throw new Error('what was waited for did not happen');
    await sleep(5);
  }
}

describe('a server killed with -9 while tus uploads', () => {
  it('between two PATCHes and within one keeps every byte it confirmed, and the upload goes on', async () => {
    await using killed = await startKilledVitrine();
    const id = await createBundle(killed.vitrine().url, 'killed');
    const bytes = randomBytes(24 * mebibyte);
    const client = begin(killed, id, bytes, 2 * mebibyte);
    let failure: string | undefined;
    client.done.catch((error: unknown) => {
      failure = String(error);
    });
    for (const confirmed of [1, 4, 7]) {
      await until(() => client.confirmed.length >= confirmed || failure !== undefined);
      expect(failure).toBeUndefined();
      const before = Math.max(...client.confirmed);
      await sleep(Math.random() * 20);
      await killed.killAndRestart();
      // What was confirmed is there after the crash.
      const path = new URL(client.upload.url ?? '').pathname;
      const head = await fetch(`${killed.vitrine().url}${path}`, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } });
      expect(Number(head.headers.get('upload-offset'))).toBeGreaterThanOrEqual(before);
    }
    const path = new URL(await client.done).pathname;
    const over = await untilOver(killed.vitrine().url, path);
    expect(over).toMatchObject({ state: 'finished', offset: bytes.length, entry: { sha256: hexSha256(bytes) } });
    expect(await download(killed.vitrine().url, id)).toBe(hexSha256(bytes));
  }, 120_000);

  it.each([
    ['upload:whole', 'after the last byte, before its commit'],
    ['upload:advanced@3', 'after the last byte was recorded'],
    ['upload:finish', 'before the object is visible'],
    ['upload:visible', 'when the object is visible, and no row says so'],
    ['upload:commit', 'in the transaction that attaches'],
    ['upload:attached', 'when all is done but the answer'],
  ])(
    'at %s, %s, leaves a whole blob in the end',
    async (point) => {
      const [name, hit = '1'] = point.split('@');
      await using killed = await startKilledVitrine(`${name}=kill@${hit}`);
      const { url } = killed.vitrine();
      const id = await createBundle(url, 'killed');
      const bytes = randomBytes(3 * mebibyte);
      const client = begin(killed, id, bytes, 2 * mebibyte);
      const exited = killed.vitrine().child;
      await until(() => exited.signalCode === 'SIGKILL');
      await killed.killAndRestart();
      const path = new URL(await client.done).pathname;
      const over = await untilOver(killed.vitrine().url, path);
      expect(over).toMatchObject({ state: 'finished', entry: { sha256: hexSha256(bytes) } });
      expect(await download(killed.vitrine().url, id)).toBe(hexSha256(bytes));
    },
    60_000,
  );
});
