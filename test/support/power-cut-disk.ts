/** A disk whose power can be cut: an ext4 image, mounted where nobody else sees it, that forgets what was not synced. Needs root. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: from then on nothing reaches the disk, what is in memory only included.
const shutdown = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack("I", 2))
`;

export interface PowerCutDisk {
  /** Where it is mounted. */
  readonly path: string;
  /** From one moment to the next; then kills these and whoever works in it, and mounts it again as it is found. */
  cut(pids: readonly number[]): Promise<void>;
  unmount(): Promise<void>;
}

/** @param folder of its image and its mount point; the caller's mounts are its own (`unshare --mount`) */
export async function openPowerCutDisk(folder: string): Promise<PowerCutDisk> {
  const image = join(folder, 'image');
  const path = join(folder, 'disk');
  await writeFile(image, '');
  await truncate(image, 768 * 1024 * 1024);
  await run('mkfs.ext4', ['-q', '-F', image]);
  await mkdir(path);
  // Its own flushes, every few seconds, would hide what was not synced.
  const mount = () => run('mount', ['-o', 'loop,commit=300', image, path]);
  const unmount = async (): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await run('umount', [path]);
        return;
      } catch (error) {
        if (attempt === 100) throw error;
      }
      await sleep(100);
    }
  };
  await mount();
  await rm(join(path, 'lost+found'), { recursive: true });
  return {
    path,
    async cut(pids) {
      await run('python3', ['-c', shutdown, path]);
      for (const pid of [...pids, ...(await workingIn(path))]) kill(pid);
      await unmount();
      await mount();
    },
    unmount,
  };
}

/** Some have ended by themselves: what they stood on is gone. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Processes whose working folder lies on the disk: PostgreSQL's all do. */
async function workingIn(path: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_pid, index) => folders[index]?.startsWith(`${path}/`)).map(Number);
}
