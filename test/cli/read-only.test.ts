import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startVitrine, type VitrineProcess } from '#test/support/vitrine-process.ts';
import { createFolder, type Outcome, runVitrine } from './run-command.ts';

let folder: AsyncDisposable & { readonly path: string };
let server: VitrineProcess;

beforeAll(async () => {
  folder = await createFolder();
  await writeFile(join(folder.path, 'disk.img'), 'a disk');
  server = await startVitrine({ dataDir: join(folder.path, 'data') });
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const vitrine = (...args: string[]): Promise<Outcome> => runVitrine(args, { url: server.url, cwd: folder.path });
const push = (version: string) =>
  vitrine('push', '--type', 'bundle', '--name', 'b', '--version', version, '--slot', 'files=disk.img', '--publish');

describe('vitrine read-only', () => {
  it('stops writes with a reason, lasts over a restart, and ends by one command', async () => {
    expect(await push('1.0.0')).toMatchObject({ code: 0 });
    expect(await vitrine('read-only', 'status')).toMatchObject({ code: 0, out: 'writes are accepted\n' });
    const on = await vitrine('read-only', 'on', '--reason', 'the store moves');
    expect(on).toMatchObject({ code: 0, out: expect.stringMatching(/^read-only since \S+: the store moves\n$/) });
    expect(on.err).toContain('nothing changes from here on');
    await server.stop('SIGKILL');
    await server[Symbol.asyncDispose]();
    server = await startVitrine({ dataDir: join(folder.path, 'data') });
    const refused = await push('1.1.0');
    expect(refused).toMatchObject({ code: 9 });
    expect(refused.err).toContain('Vitrine is read-only: the store moves');
    expect(await vitrine('pull', 'bundle/b@1.0.0', '--output', 'pulled')).toMatchObject({ code: 0 });
    expect(await vitrine('read-only', 'off')).toMatchObject({ code: 0, out: 'writes are accepted\n' });
    expect(await push('1.1.0')).toMatchObject({ code: 0 });
  }, 60_000);
});
