/** A push over a bad network, and one that was ended in the middle: what is sent again, and what is not. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeArtifact, type FakeVitrine, problem, startFakeVitrine } from './fake-vitrine.ts';
import { createFolder, type Outcome, type RunOptions, runVitrine } from './run-command.ts';

const mebibyte = 1024 * 1024;
const base = ['push', 'in', '--resumable-from', '1'];

let server: FakeVitrine;
let folder: AsyncDisposable & { readonly path: string };
let large: Buffer;

beforeEach(async () => {
  server = await startFakeVitrine();
  folder = await createFolder();
  large = randomBytes(18 * mebibyte);
  await mkdir(join(folder.path, 'in/lib'), { recursive: true });
  await writeFile(join(folder.path, 'in/lib/large'), large);
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await writeFile(join(folder.path, `in/lib/${name}`), `file ${name}`);
  await writeManifest({});
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function writeManifest(changes: object): Promise<void> {
  const manifest = { type: 'bundle', name: 'tools', version: '1.0.0', slots: { files: 'lib' }, ...changes };
  await writeFile(join(folder.path, 'in/vitrine.json'), JSON.stringify(manifest));
}

function push(args: readonly string[] = [], options: RunOptions = {}): Promise<Outcome> {
  return runVitrine([...base, ...args], { url: server.url, cwd: folder.path, cache: join(folder.path, 'cache'), ...options });
}

function only(): FakeArtifact {
  expect(server.artifacts.size).toBe(1);
  return [...server.artifacts.values()][0] as FakeArtifact;
}

function requests(prefix: string): string[] {
  return server.log.filter((line) => line.startsWith(prefix));
}

function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function largeIsThere(): void {
  const blob = only().blobs.find(({ path }) => path === 'lib/large');
  expect(blob?.sha256).toBe(sha256Of(large));
  expect(server.bytes.get(blob?.url ?? '')?.equals(large)).toBe(true);
}

describe('the blobs of a push', () => {
  it('are sent in parts when they are large, in one request when they are not', async () => {
    expect(await push(['--publish'])).toMatchObject({ code: 0, err: '' });
    expect(requests('PUT')).toHaveLength(6);
    expect(requests('POST')).toHaveLength(1);
    expect(requests('PATCH')).toHaveLength(2);
    expect(only().blobs).toHaveLength(7);
    largeIsThere();
  });

  it('are not sent when the server has them already', async () => {
    server.known.set(sha256Of(large), large);
    expect((await push()).code).toBe(0);
    expect(requests('PATCH')).toEqual([]);
    largeIsThere();
  });

  it.each([1, 3])('are sent %d at once', async (parallel) => {
    let running = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    server.override.set('PUT', (response, request) => {
      running += 1;
      most = Math.max(most, running);
      request.resume();
      // Answered when as many have come as may, or nothing more comes.
      const answer = () => {
        running -= 1;
        response.writeHead(201, { 'content-type': 'application/json' }).end('{}');
      };
      waiting.push(answer);
      if (waiting.length >= parallel) for (const one of waiting.splice(0)) setImmediate(one);
    });
    await writeFile(join(folder.path, 'in/lib/large'), 'small now');
    await writeFile(join(folder.path, 'in/lib/g'), 'g');
    await writeFile(join(folder.path, 'in/lib/h'), 'h');
    expect((await push(['--parallel', String(parallel)])).code).toBe(0);
    expect(most).toBe(parallel);
  });

  it('are tried again when a connection breaks, a server fails or is busy', async () => {
    const troubles = [
      (response: Parameters<typeof problem>[0]) => void response.socket?.destroy(),
      (response: Parameters<typeof problem>[0]) => void problem(response, 503, 'STORE_UNAVAILABLE', 'Not now.'),
      (response: Parameters<typeof problem>[0]) => void problem(response, 409, 'UPLOAD_BUSY', 'Another.'),
      (response: Parameters<typeof problem>[0]) => void response.writeHead(502).end('<html>'),
    ];
    for (const prefix of ['PUT', 'POST', 'PATCH', 'NegotiateUploads', 'PublishArtifact', 'HEAD']) {
      const left = [...troubles];
      const strike = (response: Parameters<typeof problem>[0]) => {
        left.pop()?.(response);
        if (left.length === 0) server.override.delete(prefix);
      };
      server.override.set(prefix, strike);
    }
    expect(await push(['--publish'], { attemptsMax: 12 })).toMatchObject({ code: 0, err: '' });
    expect(server.override.size).toBe(0);
    expect(only().state).toBe('active');
    largeIsThere();
  });

  it('are not tried again when they are refused', async () => {
    server.override.set('PATCH', (response) => void problem(response, 409, 'PATH_TAKEN', 'Taken.'));
    expect(await push()).toMatchObject({ code: 7, err: expect.stringContaining('[PATH_TAKEN]') });
    expect(requests('PATCH')).toHaveLength(1);
    expect(server.artifacts.size).toBe(0);
  });

  it('end the push when the file has changed since it was hashed', async () => {
    server.override.set('NegotiateUploads', (response) => {
      server.override.delete('NegotiateUploads');
      void writeFile(join(folder.path, 'in/lib/large'), large.subarray(0, mebibyte)).then(() => response.socket?.destroy());
    });
    expect(await push()).toMatchObject({ code: 2, err: expect.stringContaining('has changed while it was pushed') });
  });
});

describe('a part whose connection breaks', () => {
  it('is gone on with where the server stands, not where the client was', async () => {
    let kept = 0;
    server.override.set('PATCH', (response, request) => {
      const [upload] = [...server.uploads.values()];
      if (upload === undefined) return;
      request.on('data', (chunk: Buffer) => {
        if (kept > 5 * mebibyte) return;
        upload.bytes = Buffer.concat([upload.bytes, chunk]);
        kept = upload.bytes.length;
        if (kept <= 5 * mebibyte) return;
        server.override.delete('PATCH');
        response.socket?.destroy();
      });
      response.writeContinue();
    });
    expect(await push()).toMatchObject({ code: 0, err: '' });
    expect(kept).toBeGreaterThan(5 * mebibyte);
    expect(requests('HEAD')).toHaveLength(2);
    largeIsThere();
  });

  it('is not sent again when only its answer got lost', async () => {
    server.override.set('PATCH', (response, request) => {
      const [upload] = [...server.uploads.values()];
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (upload !== undefined) upload.bytes = Buffer.concat([upload.bytes, ...chunks]);
        server.override.delete('PATCH');
        response.socket?.destroy();
      });
      response.writeContinue();
    });
    expect((await push()).code).toBe(0);
    expect(requests('PATCH')).toHaveLength(2);
    largeIsThere();
  });

  it('ends the push after so many tries without a byte, and leaves what it has', async () => {
    server.override.set('PATCH', (response) => void response.socket?.destroy());
    const { code, err } = await push([], { attemptsMax: 4 });
    expect([code, err]).toEqual([9, expect.stringContaining('the same command goes on with it')]);
    expect(requests('PATCH')).toHaveLength(4);
    expect(server.uploads.size).toBe(1);
    server.override.clear();
    expect((await push()).code).toBe(0);
    expect(requests('POST')).toHaveLength(1);
    largeIsThere();
  });

  it('begins anew when the upload is gone, unless it was finished after all', async () => {
    let isFirst = true;
    server.override.set('PATCH', (response) => {
      server.override.delete('PATCH');
      if (isFirst) server.uploads.clear();
      isFirst = false;
      problem(response, 410, 'UPLOAD_GONE', 'Gone.');
    });
    expect((await push()).code).toBe(0);
    expect(requests('POST')).toHaveLength(2);
    largeIsThere();
  });
});

describe('a blob that is verified after its last byte', () => {
  it('is waited for', async () => {
    let asked = 0;
    server.override.set('GET /api/v1/uploads/', (response) => {
      asked += 1;
      if (asked === 3) server.override.delete('GET /api/v1/uploads/');
      response.end(JSON.stringify({ state: asked === 3 ? 'finished' : 'verifying' }));
    });
    expect((await push()).code).toBe(0);
    expect(asked).toBe(3);
  });

  it('ends the push with the reason when it is refused then', async () => {
    const error = { code: 'BLOB_DIGEST_MISMATCH', detail: 'Other bytes.' };
    server.override.set('GET /api/v1/uploads/', (response) => response.end(JSON.stringify({ state: 'failed', error })));
    expect(await push()).toMatchObject({ code: 10, err: expect.stringContaining('Other bytes. [BLOB_DIGEST_MISMATCH]') });
    expect(server.artifacts.size).toBe(0);
  });
});

describe('a push that was ended', () => {
  async function interrupt(prefix: string, args: readonly string[] = []): Promise<Outcome> {
    const interrupted = new AbortController();
    server.override.set(prefix, () => interrupted.abort(new Error('interrupted')));
    const outcome = await push(args, { signal: interrupted.signal });
    server.override.clear();
    return outcome;
  }

  it.each(['PUT', 'PATCH', 'POST', 'PublishArtifact', 'NegotiateUploads'])(
    'by Ctrl-C during %s leaves its draft, says how to go on, and the next fills that draft',
    async (prefix) => {
      const { code, err } = await interrupt(prefix, ['--publish']);
      const { id } = only();
      expect([code, err]).toEqual([
        130,
        `What was sent is kept in the draft ${id}; the same command goes on with it.\nvitrine: interrupted\n`,
      ]);
      expect((await push(['--publish'])).code).toBe(0);
      expect(only()).toMatchObject({ id, state: 'active' });
      largeIsThere();
    },
  );

  it('by a server that takes no writes for a while is not tried again at once, and can be gone on with', async () => {
    server.override.set('PUT', (response) => void problem(response, 503, 'READ_ONLY', 'Moving house.'));
    expect(await push(['--parallel', '1'])).toMatchObject({
      code: 9,
      err: expect.stringMatching(/goes on with it.*Moving house/s),
    });
    expect(requests('PUT')).toHaveLength(1);
    server.override.clear();
    expect((await push()).code).toBe(0);
    expect(server.artifacts.size).toBe(1);
  });

  it('says nothing beside its JSON', async () => {
    const { err } = await interrupt('PUT', ['--json']);
    expect(err).toBe('vitrine: interrupted\n');
  });

  it('is found again also when the answer to the making of its draft got lost', async () => {
    server.override.set('CreateArtifact', (response) => {
      server.override.delete('CreateArtifact');
      response.socket?.destroy();
    });
    expect((await push()).code).toBe(9);
    expect((await push()).code).toBe(0);
    expect(server.artifacts.size).toBe(1);
  });

  it('is gone on with after properties, files and dependencies have changed', async () => {
    await interrupt('PUT');
    const { id } = only();
    const dependencies = [{ slot: 'needs', alias: 'base', ref: 'bundle/base@^1' }];
    await writeFile(join(folder.path, 'in/lib/a'), 'another a');
    await writeManifest({ properties: { level: 2 }, tags: ['t'], dependencies, slots: { files: ['lib/a', 'lib/large'] } });
    expect((await push()).code).toBe(0);
    expect(only()).toMatchObject({ id, properties: { level: 2 }, tags: ['t'], dependencies });
    expect(only().blobs.map(({ path, sha256 }) => [path, sha256])).toEqual(
      expect.arrayContaining([
        ['lib/a', sha256Of(Buffer.from('another a'))],
        ['lib/large', sha256Of(large)],
      ]),
    );
    expect(only().blobs).toHaveLength(2);
  });

  it('is not mixed up with another version, another server or another caller', async () => {
    await interrupt('PUT');
    await writeManifest({ version: '2.0.0' });
    expect((await push()).code).toBe(0);
    await writeManifest({});
    expect((await push([], { token: 'vtr_other' })).code).toBe(0);
    expect(server.artifacts.size).toBe(3);
    await using other = await startFakeVitrine();
    expect((await push([], { url: other.url })).code).toBe(0);
    expect(other.artifacts.size).toBe(1);
    for (const name of await readdir(join(folder.path, 'cache/vitrine/pushes'))) {
      expect(await readFile(join(folder.path, 'cache/vitrine/pushes', name), 'utf8')).not.toContain('vtr_other');
    }
  });

  it('makes a new draft when the old one is deleted', async () => {
    await interrupt('PUT');
    const { id } = only();
    server.artifacts.clear();
    expect((await push()).code).toBe(0);
    expect(only().id).not.toBe(id);
  });
});

describe('a draft of a version', () => {
  it('is published by a later push, which sends nothing again', async () => {
    await push();
    const { id } = only();
    server.log.length = 0;
    expect((await push(['--publish'])).code).toBe(0);
    expect(only()).toMatchObject({ id, state: 'active' });
    expect([...requests('PUT'), ...requests('PATCH')]).toEqual([]);
  });

  it('stays when its publication is refused: an earlier push has made it', async () => {
    await push();
    const result = { __typename: 'ValidationError', code: 'PROPERTIES_INVALID', message: 'No.', remedy: 'Do.', faults: [] };
    server.override.set('PublishArtifact', (response) => response.end(JSON.stringify({ data: { publishArtifact: result } })));
    expect((await push(['--publish'])).code).toBe(3);
    expect(only().state).toBe('draft');
  });

  it('is made again for each push of what has no version', async () => {
    await writeManifest({ name: undefined, version: undefined });
    await push();
    await push();
    expect(server.artifacts.size).toBe(2);
  });
});

it('refuses numbers that are none', async () => {
  for (const args of [
    ['--parallel', '0'],
    ['--parallel', '33'],
    ['--parallel', 'x'],
    ['--resumable-from', '-1'],
    ['--resumable-from', ''],
  ]) {
    expect((await push(args)).err).toContain('[USAGE]');
  }
});
