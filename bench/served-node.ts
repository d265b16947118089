/** A Vitrine as it is served, in a process of its own over a database of one's own, whose callers a Keystone vouches for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBlobs } from '#blobs/blobs.ts';
import { instanceKeySource, loadConfig } from '#config/config.ts';
import { openDatabase } from '#metadata/metadata.ts';
import { claimInstance } from '#ops/claim-instance.ts';
import { claimStores } from '#ops/claim-stores.ts';
import type { FakeKeystone } from '#test/support/fake-keystone.ts';
import { freePort } from '#test/support/free-port.ts';

export interface ServedNode extends AsyncDisposable {
  readonly port: number;
  readonly process: ChildProcess;
}

const repository = join(import.meta.dirname, '..');

/** Makes the instance and its store known. */
export async function prepareInstance(url: string, dataDir: string): Promise<void> {
  await using db = openDatabase({ url });
  const { config } = loadConfig({ env: { VITRINE_DATA_DIR: dataDir }, cwd: dataDir });
  const instance = await claimInstance(db, instanceKeySource(config));
  const stores = {
    stores: [{ name: 'default', kind: 'filesystem', path: join(dataDir, 'blobs') }] as const,
    defaultStore: 'default',
  };
  await using blobs = await openBlobs(stores);
  await claimStores(db, blobs, instance.id);
}

/** A Keystone's word for a member of each project, on a token as long as a real one: a node asks once, and remembers. */
export function issueTokens(keystone: FakeKeystone, projects: readonly string[]): readonly string[] {
  return projects.map((project) => {
    const token = `gAAAAA${randomBytes(132).toString('base64url')}`;
    keystone.tokens.set(token, { userId: 'bench', projectId: project, roles: ['member', 'reader'] });
    return token;
  });
}

export async function startNode(url: string, dataDir: string, keystoneUrl: string): Promise<ServedNode> {
  const port = await freePort();
  const keystone = {
    VITRINE_AUTH_KEYSTONE_URL: keystoneUrl,
    VITRINE_AUTH_KEYSTONE_APPLICATION_CREDENTIAL_ID: 'bench',
    VITRINE_AUTH_KEYSTONE_APPLICATION_CREDENTIAL_SECRET: 'bench',
  };
  const environment = { VITRINE_DATABASE_URL: url, VITRINE_DATA_DIR: dataDir, VITRINE_PORT: String(port), ...keystone };
  const child = spawn(process.execPath, [join(repository, 'src/launch.js'), 'serve'], {
    env: { PATH: process.env['PATH'], ...environment },
    // As a service has it: its log goes somewhere that takes it at once.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const node = { port, process: child, [Symbol.asyncDispose]: () => endProcess(child) };
  try {
    await untilReady(`http://127.0.0.1:${port}/readyz`);
  } catch (error) {
    await endProcess(child);
    throw error;
  }
  return node;
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const isReady = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the server was not ready in 30 s');
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

/** Time on a processor, of all threads; steadier than rates where other work shares the machine. */
export async function cpuMs(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Fields 14 and 15 of proc(5), in ticks of 10 ms.
  return 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
}

/** Of the process and its children. */
export async function cpuMsBelow(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter((text) => text !== '');
  const times = await Promise.all([pid, ...children.map(Number)].map(cpuMs));
  return times.reduce((sum, time) => sum + time, 0);
}

export async function residentMiB(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
