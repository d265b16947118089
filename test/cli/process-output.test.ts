/** The output of a whole process: what could not be written is said, and no success. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#base/package-root.ts';
import { createFolder } from './run-command.ts';

const launcher = join(packageRoot(), 'src/launch.js');

async function outcomeOf(child: ChildProcess): Promise<{ code: unknown; stderr: string }> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

async function runInto(output: string, ...args: readonly string[]) {
  await using file = await open(output, 'w');
  return await outcomeOf(spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', file.fd, 'pipe'] }));
}

describe('output that cannot be written', () => {
  it('is an error with its reason', async () => {
    const { code, stderr } = await runInto('/dev/full', 'config', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'OUTPUT_UNWRITABLE', exitCode: 1 } });
    expect(await runInto('/dev/full', '--help')).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^vitrine: The output cannot be written: ENOSPC: .* \[OUTPUT_UNWRITABLE\]\n {2}→ .*\n$/),
    });
  });

  it('is an error too where a file takes a part of it', async () => {
    await using folder = await createFolder();
    const file = join(folder.path, 'config.json');
    const command = 'ulimit -f 1; exec "$0" "$1" config --json > "$2"';
    // Nor may what Node keeps compiled for other processes be cut short.
    const env = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
    const child = spawn('sh', ['-c', command, process.execPath, launcher, file], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    expect(await outcomeOf(child)).toEqual({ code: 1, stderr: expect.stringContaining('OUTPUT_UNWRITABLE') });
    expect((await readFile(file)).length).toBeGreaterThan(0);
  });

  it('is none where a reader has seen enough', async () => {
    const child = spawn(process.execPath, [launcher, 'config'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    expect(await outcomeOf(child)).toEqual({ code: 0, stderr: '' });
  });

  it('is not what comes into a file', async () => {
    await using folder = await createFolder();
    const file = join(folder.path, 'config.json');
    expect(await runInto(file, 'config', '--json')).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(await readFile(file, 'utf8'))).toContainEqual(expect.objectContaining({ setting: 'port' }));
  });

  it('changes no exit code where it is only what is said on the side', async () => {
    await using full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [launcher, 'show'], { stdio: ['ignore', 'ignore', full.fd] });
    expect(await outcomeOf(child)).toEqual({ code: 2, stderr: '' });
  });
});
