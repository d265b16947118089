/** Progress: what the lines say, and that nobody else sees them. */
import { describe, expect, it } from 'vitest';
import { createProgress, progressLine } from '#cli/progress.ts';

function createScreen(isTerminal: boolean, columns?: number) {
  const drawn: string[] = [];
  const io = {
    out: () => undefined,
    err: (text: string) => void drawn.push(text),
    isTerminal,
    columns,
    env: {},
    cwd: '/',
    signal: new AbortController().signal,
  };
  return { io, drawn };
}

describe('progressLine', () => {
  const line = { label: 'a', totalBytes: 10_000, startedAt: 0, baseBytes: 0, doneBytes: 1, note: '' };

  it('says how much, how fast and how long', () => {
    const large = { ...line, label: 'a.img', doneBytes: 1024 ** 3, totalBytes: 3 * 1024 ** 3 };
    expect(progressLine(large, 10_000)).toBe('a.img  33%  1.0 GiB of 3.0 GiB  102.4 MiB/s  0:20 left');
    expect(progressLine(line, 1_000)).toContain('2:46:39 left');
    expect(progressLine({ ...line, totalBytes: 10, doneBytes: 0 }, 0)).toBe('a  0%  0 B of 10 B  0 B/s  - left');
    expect(progressLine({ ...line, totalBytes: 0 }, 5)).toContain('100%');
  });

  it('measures from where this run went on, and says what is waited for', () => {
    expect(progressLine({ ...line, baseBytes: 5_000, doneBytes: 6_000 }, 1_000)).toBe(
      'a  60%  5.9 KiB of 9.8 KiB  1000 B/s  0:04 left',
    );
    expect(progressLine({ ...line, doneBytes: 10_000, note: 'verifying' }, 1_000)).toBe('a  100%  9.8 KiB of 9.8 KiB  verifying');
  });
});

describe('createProgress', () => {
  it('draws a line for each task, a few times a second, over what it drew before', () => {
    let now = 0;
    const { io, drawn } = createScreen(true);
    const progress = createProgress(io, () => now);
    const first = progress.begin('disk.img', 100);
    now += 200;
    const second = progress.begin('b', 50);
    for (let sent = 0; sent < 100; sent += 10) {
      now += 50;
      first.add(10);
    }
    first.end('sent');
    second.end();
    progress.end();
    expect(drawn).toHaveLength(6);
    expect(drawn[0]).toBe('\r\u001b[Jdisk.img  0%  0 B of 100 B  0 B/s  - left\n');
    expect(drawn[3]?.startsWith('\u001b[2A\r\u001b[Jdisk.img  80%  80 B of 100 B')).toBe(true);
    expect(drawn[4]).toBe('\u001b[2A\r\u001b[Jdisk.img  100 B  sent\nb  0%  0 B of 50 B  0 B/s  - left\n');
    expect(drawn[5]).toBe('\u001b[1A\r\u001b[J');
  });

  it('keeps each line within the terminal, and control characters of a file name out of it', () => {
    const { io, drawn } = createScreen(true, 40);
    createProgress(io, () => 0).begin(`\u001b[2J${'x'.repeat(100)}`, 2 ** 50);
    expect(drawn[0]?.slice('\r\u001b[J'.length)).toMatch(/^…x{29} {2}0% {2}0 B\n$/);
    createProgress(io, () => 0).begin('a\u001b[2Jb', 1);
    expect(drawn[1]).toContain('Ja [2Jb ');
  });

  it('is silent elsewhere', () => {
    const { io, drawn } = createScreen(false);
    const progress = createProgress(io);
    const task = progress.begin('disk.img', 1);
    task.add(1);
    task.end('sent');
    progress.end();
    expect(drawn).toEqual([]);
  });
});
