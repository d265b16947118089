import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '#test/house/modules.ts';
import { run, startVitrine } from '#test/support/vitrine-process.ts';

const tourFolder = '/tmp/vitrine-tour';

describe('the five-minute tour of the README', () => {
  it('runs as it stands, and prints what it promises', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const script = /```sh tour\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    const promises = [...script.matchAll(/# → (.*)$/gm)].map((match) => match[1]?.trim() ?? '');
    expect(promises.length).toBeGreaterThanOrEqual(6);
    await rm(tourFolder, { recursive: true, force: true });
    await using vitrine = await startVitrine();
    const environment = { VITRINE_URL: vitrine.url, PATH: `${join(process.execPath, '..')}:${process.env['PATH']}` };
    // Readers do it twice, too: over the same server, and over the folder that the first time has left.
    for (const time of ['the first time', 'the second time']) {
      const result = await run('bash', ['-euo', 'pipefail', '-c', script], environment, root);
      expect(result.code, `${time}: ${result.stdout}${result.stderr}`).toBe(0);
      let rest = result.stdout;
      for (const promise of promises) {
        const at = rest.indexOf(promise);
        expect(at, `${time}, "${promise}" is not in what follows of the output:\n${rest}`).toBeGreaterThanOrEqual(0);
        rest = rest.slice(at + promise.length);
      }
    }
    await rm(tourFolder, { recursive: true, force: true });
  }, 240_000);
});
