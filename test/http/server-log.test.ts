import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { root } from '../house/modules.ts';

/** What a process of its own prints that logs through the server's log: standard output cannot be seen from within. */
async function print(format: 'json' | 'text', body: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, toArguments(format, body));
  return stdout;
}

function toArguments(format: 'json' | 'text', body: string): string[] {
  const program = `import { openServerLog } from '${root}/src/http/server-log.ts';
    const opened = openServerLog({ level: 'info', format: '${format}' }); const { log } = opened;
    ${body}; opened[Symbol.dispose]();`;
  return ['--input-type=module-typescript', '-e', program];
}

/** One that hangs must not outlive its test. */
const killedLate = { timeout: 20_000, killSignal: 'SIGKILL' } as const;

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

  it('never holds up or ends the process where it cannot be written', async () => {
    const body = `for (let n = 0; n < 2; n += 1) {
      log.info('x'.repeat(70_000));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    log.error('the last words')`;
    const full = spawn(process.execPath, toArguments('json', body), {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'ignore'],
      ...killedLate,
    });
    expect(await once(full, 'exit')).toEqual([0, null]);
  });

  it('does not wait at its end for a reader that is gone', async () => {
    const unread = spawn(process.execPath, toArguments('json', `log.info('the last words')`), {
      stdio: ['ignore', 'pipe', 'ignore'],
      ...killedLate,
    });
    unread.stdout.destroy();
    expect(await once(unread, 'exit')).toEqual([0, null]);
  });

  it('comes out whole through a pipe that is read late', async () => {
    const body = `for (let n = 0; n < 800; n += 1) log.info({ n }, 'x'.repeat(1000))`;
    expect((await print('json', body)).trimEnd().split('\n')).toHaveLength(800);
  });
});
