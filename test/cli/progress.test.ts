/** Progress: what the line says, and that nobody else sees it. */
import { describe, expect, it } from 'vitest';
import { createProgress, progressLine } from '#cli/progress.ts';

function createScreen(isTerminal: boolean) {
  const lines: string[] = [];
  const io = {
    out: () => undefined,
    err: (text: string) => void lines.push(text),
    isTerminal,
    env: {},
    cwd: '/',
    signal: new AbortController().signal,
  };
  return { io, lines };
}

describe('progressLine', () => {
  it('says how much, how fast and how long', () => {
    expect(progressLine('a.img', 1024 ** 3, 3 * 1024 ** 3, 10_000)).toBe(
      'a.img  33%  1.0 GiB of 3.0 GiB  102.4 MiB/s  0:20 left',
    );
    expect(progressLine('a', 1, 10_000, 1_000)).toContain('2:46:39 left');
    expect(progressLine('a', 0, 10, 0)).toBe('a  0%  0 B of 10 B  0 B/s  - left');
    expect(progressLine('a', 0, 0, 5)).toContain('100%');
  });

  it('shows no control characters of a file name', () => {
    expect(progressLine('a\u001b[2Jb', 0, 1, 1)).toMatch(/^a\?\[2Jb /);
  });
});

describe('createProgress', () => {
  it('draws on a terminal, a few times a second, and clears its line', () => {
    let now = 0;
    const { io, lines } = createScreen(true);
    const progress = createProgress(io, 100, () => now);
    progress.begin('disk.img');
    for (let sent = 0; sent < 100; sent += 10) {
      now += 50;
      progress.add(10);
    }
    progress.end();
    expect(lines).toHaveLength(4);
    expect(lines[2]).toContain('disk.img  80%');
    expect(lines.at(-1)).toBe('\r\u001b[K');
  });

  it('is silent elsewhere', () => {
    const { io, lines } = createScreen(false);
    const progress = createProgress(io, 100);
    progress.begin('disk.img');
    progress.end();
    expect(lines).toEqual([]);
  });
});
