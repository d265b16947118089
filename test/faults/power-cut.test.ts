import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { PowerCutReport } from '#test/support/power-cut-in-child.ts';
import { findExecutable, mustSkip } from '#test/support/suites.ts';

const run = promisify(execFile);
const unshare = findExecutable('unshare') ?? '';
const script = join(import.meta.dirname, '..', 'support', 'power-cut-in-child.ts');
// Mounts of its own, and processes: however it ends, none stays.
const alone = [
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  process.execPath,
  script,
];

describe.skipIf(mustSkip('power-cut', findObstacles()))('a server whose power is cut', () => {
  it('has every byte it acknowledged when it is started again, and nothing else for good', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-power-'));
    try {
      const { stdout } = await run(unshare, [...alone, folder, '3'], { maxBuffer: 2 ** 24 });
      const report = JSON.parse(stdout) as PowerCutReport;
      expect(report.broken).toEqual([]);
      // The disk forgets what nobody synced: else all of this would prove nothing.
      expect(report.unsyncedKept).toBe(0);
      expect(report.blobs).toBeGreaterThan(40);
      expect(report.offsets).toBeGreaterThan(10);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 240_000);
});

function findObstacles(): string[] {
  const missing = ['unshare', 'mkfs.ext4', 'python3'].filter((name) => findExecutable(name) === undefined);
  const mounts =
    'dd if=/dev/zero of=/tmp/vitrine-loop-$$ bs=1M count=4 status=none && trap "rm -f /tmp/vitrine-loop-$$" EXIT;' +
    ' mkfs.ext4 -q -F /tmp/vitrine-loop-$$ && mount -o loop /tmp/vitrine-loop-$$ /mnt';
  const mayMount =
    missing.length === 0 && spawnSync(unshare, ['--mount', '--propagation', 'private', 'sh', '-c', mounts]).status === 0;
  return mayMount ? [] : [...missing, 'loop devices and mounts of its own'];
}
