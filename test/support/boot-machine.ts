/** A disk image that prints a nonce when it boots, and a machine that boots images: QEMU, its console on standard output. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findExecutable } from './suites.ts';
import { run } from './vitrine-process.ts';

const tools = ['qemu-system-x86_64', 'grub-mkrescue', 'timeout'];

/** What this machine lacks of it, for `mustSkip('boot', …)`. */
export const missingForBoot: readonly string[] = tools.filter((tool) => findExecutable(tool) === undefined);

/** An ISO in the folder whose own boot code prints the text on the serial console. Returns its path. */
export async function makeBootImage(folder: string, text: string): Promise<string> {
  const tree = join(folder, 'boot-tree');
  await mkdir(join(tree, 'boot/grub'), { recursive: true });
  const script = [
    'serial --unit=0 --speed=115200',
    'terminal_input serial',
    'terminal_output serial',
    `echo ${text}`,
    'sleep 1',
    'halt',
  ];
  await writeFile(join(tree, 'boot/grub/grub.cfg'), `${script.join('\n')}\n`);
  const iso = join(folder, 'boot.iso');
  const { code, stderr } = await run('grub-mkrescue', ['-o', iso, tree]);
  if (code !== 0) throw new Error(`grub-mkrescue ended with ${code}: ${stderr}`);
  return iso;
}

/** What the machine's serial console shows until it halts, or for so many seconds at most. */
export async function bootImage(disk: string, seconds: number): Promise<string> {
  const machine = ['-nographic', '-m', '128', '-no-reboot', '-nic', 'none', '-boot', 'd'];
  const drive = ['-drive', `file=${disk},format=raw,media=cdrom,readonly=on`];
  return (await run('timeout', ['-s', 'KILL', String(seconds), 'qemu-system-x86_64', ...machine, ...drive])).stdout;
}
