import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { root } from '../house/modules.ts';

/** What a process of its own prints that logs through the server's log: standard output cannot be seen from within. */
async function print(format: 'json' | 'text', body: string): Promise<string> {
  const program = `import { openServerLog } from '${root}/src/http/server-log.ts';
    const opened = openServerLog({ level: 'info', format: '${format}' }); const { log } = opened;
    ${body}; opened[Symbol.dispose]();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', program]);
  return stdout;
}

describe('the server log', () => {
  it('is one JSON object a line, none of which is lost at the end', async () => {
    const text = await print('json', `for (let n = 0; n < 500; n += 1) log.info({ n }, 'line'); log.debug('not this')`);
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { n: number; msg: string; time: string });
    expect(lines.map(({ n }) => n)).toEqual(Array.from({ length: 500 }, (_, n) => n));
    expect(lines[0]?.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('is short text for people, with the stack of an error', async () => {
    const text = await print('text', `log.warn({ store: 'a', bytes: 3, err: new Error('no room') }, 'could not write')`);
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}could not write store=a bytes=3\nError: no room\n +at /);
  });
});
