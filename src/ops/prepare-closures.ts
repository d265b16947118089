/** Makes ready what versions say in closures, and their sizes, where they were published without: by an older release, say. */
import type { Artifact } from '#core/artifact.ts';
import {
  artifactRecords,
  closureOutlineRecords,
  closurePartRecords,
  dependencyRecords,
  sizeRecords,
} from '#metadata/metadata.ts';
import { saveOutline } from './closure-outlines.ts';
import { toClosureParts } from './closure-parts.ts';
import type { JobRun, Services } from './context.ts';

const batchSize = 500;
const everybody = { project: '', isAdmin: true };

/** Closures are right without, only slower; filters by size and sums of sizes miss what has none. */
export async function prepareClosures(
  services: Pick<Services, 'db' | 'blobs' | 'settings'>,
  _input: object,
  run: JobRun,
): Promise<{ readonly sized: number; readonly prepared: number; readonly outlined: number }> {
  const sized = await sizeAll(services, run);
  const prepared = await prepareParts(services, run);
  return { sized, prepared, outlined: await outlineClosures(services, run) };
}

async function prepareParts({ db }: Pick<Services, 'db'>, run: JobRun): Promise<number> {
  let prepared = 0;
  for await (const ids of batches((after) => closurePartRecords.listUnprepared(db, after, batchSize), run)) {
    const artifacts = await artifactRecords.findReadableArtifacts(db, everybody, ids);
    const rows = Map.groupBy(await dependencyRecords.listReadableDependencies(db, everybody, ids), (row) => row.artifactId);
    const parts = artifacts.flatMap((artifact) => partsOf(artifact, rows.get(artifact.id) ?? []));
    await closurePartRecords.saveClosureParts(db, parts);
    prepared += parts.length;
    await run.progress(prepared, null, 'versions prepared');
  }
  return prepared;
}

async function outlineClosures(services: Pick<Services, 'db' | 'blobs' | 'settings'>, run: JobRun): Promise<number> {
  const { db } = services;
  let outlined = 0;
  for await (const ids of batches((after) => closureOutlineRecords.listUnoutlined(db, after, batchSize), run)) {
    const small: string[] = [];
    for (const id of ids) {
      run.signal.throwIfAborted();
      const outcome = await saveOutline(db, services, id);
      if (outcome === 'outlined') outlined += 1;
      if (outcome === 'small') small.push(id);
    }
    await closureOutlineRecords.markSmall(db, small);
    await run.progress(outlined, null, 'closures put in order');
  }
  return outlined;
}

/** Until there are no more, each after the last of the one before. */
async function* batches(
  list: (after: string) => Promise<readonly string[]>,
  { signal }: JobRun,
): AsyncGenerator<readonly string[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    signal.throwIfAborted();
    const ids = await list(after);
    const last = ids.at(-1);
    if (last === undefined) return;
    yield ids;
    after = last;
  }
}

async function sizeAll({ db }: Pick<Services, 'db'>, run: JobRun): Promise<number> {
  let sized = 0;
  for (;;) {
    run.signal.throwIfAborted();
    const count = await sizeRecords.sizeUnsized(db, batchSize);
    if (count === 0) return sized;
    sized += count;
    await run.progress(sized, null, 'artifacts sized');
  }
}

function partsOf(artifact: Artifact, rows: readonly dependencyRecords.DependencyRow[]) {
  const pins = rows.flatMap((row) => (row.resolved === null ? [] : [{ ...row, pin: row.resolved }]));
  // A pin that is gone is told of by reading the rows.
  return pins.length < rows.length ? [] : toClosureParts(artifact, pins);
}
