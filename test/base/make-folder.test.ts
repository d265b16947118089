/** Run in processes of their own, each with a time limit: what goes wrong here is a call that never ends. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '#base/make-folder.ts';

const run = promisify(execFile);
const module = join(import.meta.dirname, '../../src/base/make-folder.ts');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vitrine-folder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The error's code, or `made`. */
async function outcome(path: string, isUnprivileged = false): Promise<string> {
  const code = `import { makeFolder } from ${JSON.stringify(module)};
    // Root may write anywhere: it becomes somebody who may not.
    if (${isUnprivileged} && process.getuid() === 0) process.seteuid(65534);
    try { makeFolder(${JSON.stringify(path)}, 0o700); console.log('made') } catch (error) { console.log(error.code) }`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { timeout: 10_000 });
  return stdout.trim();
}

describe('making a folder', () => {
  it('makes what it lies in too, for its owner alone, and is content with what is there', async () => {
    const path = join(folder, 'a/b/../c');
    for (let time = 0; time < 2; time += 1) makeFolder(path, 0o700);
    expect(await readdir(join(folder, 'a'))).toEqual(['c']);
    for (const made of ['a', 'a/c']) expect((await stat(join(folder, made))).mode & 0o777).toBe(0o700);
  });

  it('follows a link to a folder', async () => {
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'link'));
    makeFolder(join(folder, 'link/below'));
    expect(await readdir(join(folder, 'real'))).toEqual(['below']);
  });

  it('is done by many at once', async () => {
    const path = join(folder, 'x/y/z');
    expect(await Promise.all(Array.from({ length: 4 }, () => outcome(path)))).toEqual(['made', 'made', 'made', 'made']);
  });

  it.runIf(process.platform === 'linux').each(['/proc/x', '/proc/x/y/z', '/proc/self/fd/x', '/dev/null/x', '/sys/x'])(
    'ends with a reason at %s',
    async (path) => {
      expect(await outcome(path)).toMatch(/^E[A-Z]+$/);
    },
  );

  it('ends with a reason below a file and at a link to nothing', async () => {
    await writeFile(join(folder, 'file'), '');
    await symlink('nowhere', join(folder, 'dangling'));
    for (const path of ['file', 'file/a', 'file/a/b', 'dangling', 'dangling/a']) {
      expect(await outcome(join(folder, path)), path).toMatch(/^(ENOTDIR|EEXIST|ENOENT)$/);
    }
    expect((await readdir(folder)).sort()).toEqual(['dangling', 'file']);
  });

  it('ends with a reason in a folder that takes nothing', async () => {
    await chmod(folder, 0o555);
    expect(await outcome(join(folder, 'a/b'), true)).toBe('EACCES');
  });
});
