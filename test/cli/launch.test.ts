/** The launcher: what an older Node does with it. */
import { execFile } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseSync } from 'oxc-parser';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '#base/package-root.ts';
import { createFolder } from './run-command.ts';

const run = promisify(execFile);
const launcher = join(packageRoot(), 'src/launch.js');
/** Node 24 that says it is 20: the launcher asks nothing else. */
const pretend = [
  '--import',
  `data:text/javascript,${encodeURIComponent("Object.defineProperty(process.versions, 'node', { value: '20.9.0' })")}`,
];

async function outcomeOf(args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, args)) };
  } catch (error) {
    return error as { code: unknown; stdout: string; stderr: string };
  }
}

describe('the launcher', () => {
  it('runs the command line under Node 24', async () => {
    expect((await outcomeOf([launcher, '--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('hands over from an older Node to the Node 24 that is installed beside it, exit code included', async () => {
    const result = await outcomeOf([...pretend, launcher, 'shw']);
    expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('unknown command') });
  });

  it('says in one line what to do where there is none', async () => {
    await using folder = await createFolder();
    const alone = join(folder.path, 'launch.mjs');
    await cp(launcher, alone);
    const result = await outcomeOf([...pretend, alone, '--version']);
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^vitrine: it needs Node\.js 24 or newer, and this is 20\.9\.0\. Install .*\n$/);
  });

  it('is written in what Node 12 parses', async () => {
    const text = await readFile(launcher, 'utf8');
    expect(text).not.toMatch(/\?\?|\?\.|\|\|=|&&=|^await /m);
    expect(parseSync('launch.js', text).errors).toEqual([]);
  });
});
