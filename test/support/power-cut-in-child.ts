/**
 * Cuts the power under a Vitrine that is pushed to, several times, and judges after each what is there: `node
 * power-cut-in-child.ts FOLDER ROUNDS`, in a mount namespace of its own. Prints a report as JSON.
 */
import { randomBytes } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database } from '#metadata/database.ts';
import { openDatabase } from '#metadata/metadata.ts';
import { createDraft, hexSha256, publish, put } from '../faults/fault-steps.ts';
import { appendTus, createTus, finishTus, offsetOf, type TusUpload } from '../faults/fault-tus.ts';
import { emptyLedger, type Ledger, type World } from '../faults/fault-world.ts';
import { judge, settle } from '../faults/judge-world.ts';
import { outsideFolder } from '../faults/outside-store.ts';
import { openPowerCutDisk, type PowerCutDisk } from './power-cut-disk.ts';
import { startVitrine, type VitrineProcess } from './vitrine-process.ts';

export interface PowerCutReport {
  /** Blobs, and offsets of unfinished uploads, that the server had acknowledged when the power went. */
  readonly blobs: number;
  readonly offsets: number;
  /** Everything that was not as it must be. */
  readonly broken: readonly string[];
  /** Of the files that were written without a sync, one before each cut: those that were whole afterwards. */
  readonly unsyncedKept: number;
}

interface Tally {
  offsets: number;
  unsyncedKept: number;
  readonly broken: string[];
}

const [folder = '', rounds = '1'] = process.argv.slice(2);
const disk = await openPowerCutDisk(folder);
const dataDir = join(disk.path, 'data');
const ledger = emptyLedger();
const tally: Tally = { offsets: 0, unsyncedKept: 0, broken: [] };
for (let round = 0; round < Number(rounds); round += 1) await runRound(round);
await disk.unmount();
const blobs = [...ledger.blobs.values()].reduce((sum, paths) => sum + paths.size, 0);
process.stdout.write(JSON.stringify({ blobs, ...tally } satisfies PowerCutReport));

async function runRound(round: number): Promise<void> {
  const unfinished: OpenUpload[] = [];
  const vitrine = await startVitrine({ dataDir });
  await pushUntilCut(vitrine, unfinished, round);
  await vitrine.stop('SIGKILL');
  await judgeSyncs(disk, round);
  const again = await startVitrine({ dataDir });
  await judgeAll(again, unfinished, round);
  await again.stop('SIGKILL');
}

interface OpenUpload {
  readonly upload: TusUpload;
  acknowledged: number;
}

/** Four at once, each as fast as it can, until the power goes in the middle of it. */
async function pushUntilCut(vitrine: VitrineProcess, unfinished: OpenUpload[], round: number): Promise<void> {
  let isCut = false;
  const server = {
    url: () => vitrine.url,
    isDead: () => isCut,
    restart: () => Promise.reject(new Error('the power is cut')),
  };
  await using sql = openSql();
  const world = worldOf(server, sql, emptyLedger());
  const known = () => [...world.ledger.blobs.values()].reduce((sum, paths) => sum + paths.size, 0);
  const enough = Promise.withResolvers<void>();
  const pushers = Array.from({ length: 4 }, async (_, index) => {
    try {
      while (!isCut) {
        await pushOne(world, unfinished, index);
        if (known() >= 12 * (round + 1)) enough.resolve();
      }
    } catch (error) {
      // What fails before the power does is no success.
      if (!isCut) tally.broken.push(`before the cut: ${String(error)}`);
      enough.resolve();
    }
  });
  await enough.promise;
  await leaveSynced(round);
  await writeFile(join(disk.path, `unsynced-${round}`), randomBytes(1_000_000));
  const acknowledged = structuredClone(world.ledger);
  const offsets = unfinished.map(({ upload, acknowledged: offset }) => ({ upload, acknowledged: offset }));
  isCut = true;
  await disk.cut(vitrine.child.pid === undefined ? [] : [vitrine.child.pid]);
  await vitrine.stop('SIGKILL');
  await Promise.all(pushers);
  unfinished.splice(0, unfinished.length, ...offsets);
  keep(acknowledged);
}

/** Into a draft of its own: small, large, and the beginning of one that is not finished; published where it is the turn. */
async function pushOne(world: World, unfinished: OpenUpload[], index: number): Promise<void> {
  const id = await createDraft(world, index === 0 ? '1.0.0' : undefined);
  await put(world, id, 'small', randomBytes(20_000));
  await put(world, id, 'large', randomBytes(300_000));
  if (index === 0) return publish(world, id);
  const upload: TusUpload = { id, path: 'slow', bytes: randomBytes(500_000), chunkBytes: 200_000 };
  await createTus(world, upload);
  const entry = { upload, acknowledged: 0 };
  unfinished.push(entry);
  await appendTus(world, upload);
  entry.acknowledged = 200_000;
}

function keep(acknowledged: Ledger): void {
  for (const [id, paths] of acknowledged.blobs) ledger.blobs.set(id, paths);
  for (const id of acknowledged.published) ledger.published.add(id);
}

/** What is synced is there after a cut, and what is not is not: else the cut proves nothing. */
async function leaveSynced(round: number): Promise<void> {
  const file = await open(join(disk.path, `synced-${round}`), 'wx');
  await file.writeFile('kept');
  await file.sync();
  await file.close();
}

async function judgeSyncs({ path }: PowerCutDisk, round: number): Promise<void> {
  const synced = await readFile(join(path, `synced-${round}`), 'utf8').catch((error: unknown) => String(error));
  if (synced !== 'kept') tally.broken.push(`a file that was synced: ${synced}`);
  const unsynced = await readFile(join(path, `unsynced-${round}`)).catch(() => Buffer.alloc(0));
  if (unsynced.length === 1_000_000 && unsynced.some((byte) => byte !== 0)) tally.unsyncedKept += 1;
}

async function judgeAll(vitrine: VitrineProcess, unfinished: readonly OpenUpload[], round: number): Promise<void> {
  await using sql = openSql();
  const server = {
    url: () => vitrine.url,
    isDead: () => false,
    restart: () => Promise.reject(new Error('it is not to die any more')),
  };
  const world = worldOf(server, sql, ledger);
  for (const { upload, acknowledged } of unfinished) {
    const offset = await offsetOf(world, upload.url ?? '').catch((error: unknown) => String(error));
    if (typeof offset === 'string' || offset < acknowledged)
      tally.broken.push(`${upload.url} stood at ${acknowledged}: ${offset}`);
    else {
      tally.offsets += 1;
      await finishTus(world, upload);
      if (ledger.blobs.get(upload.id)?.get(upload.path) !== hexSha256(upload.bytes))
        tally.broken.push(`${upload.url}: other bytes`);
    }
  }
  await settle(world);
  const wrong = await judge(world);
  tally.broken.push(...wrong.map((line) => `round ${round}: ${line}`), ...world.failures);
  await readSome(world);
}

/** A reader gets what is there. */
async function readSome(world: World): Promise<void> {
  const [id, paths] = [...ledger.blobs].at(-1) ?? ['', new Map<string, string>()];
  for (const [path, sha256] of paths) {
    const response = await fetch(`${world.server.url()}/api/v1/artifacts/${id}/slots/files/${path}`);
    const read = hexSha256(new Uint8Array(await response.arrayBuffer()));
    if (read !== sha256) tally.broken.push(`${id} ${path}: read as sha256:${read}`);
  }
}

function worldOf(server: World['server'], sql: Database, noted: Ledger): World {
  return { server, sql, store: outsideFolder(join(dataDir, 'blobs')), ledger: noted, failures: [] };
}

function openSql(): Database {
  const socket = join(dataDir, 'postgres', 'run');
  return openDatabase({ url: `postgresql://vitrine@localhost:5432/vitrine?host=${encodeURIComponent(socket)}` });
}
