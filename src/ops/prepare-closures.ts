/** Makes ready what published versions say in closures, and how large they are, for those that were published without: by an older release, say. */
import type { Artifact } from '#core/artifact.ts';
import { artifactRecords, closurePartRecords, dependencyRecords, sizeRecords } from '#metadata/metadata.ts';
import { toClosureParts } from './closure-parts.ts';
import type { JobRun, Services } from './context.ts';

const batchSize = 500;
const everybody = { project: '', isAdmin: true };

/** Closures are right without, only slower; filters by size and sums of sizes miss what has none. */
export async function prepareClosures(
  { db }: Pick<Services, 'db'>,
  _input: object,
  run: JobRun,
): Promise<{ readonly prepared: number; readonly sized: number }> {
  const sized = await sizeAll(db, run);
  let prepared = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    run.signal.throwIfAborted();
    const ids = await closurePartRecords.listUnprepared(db, after, batchSize);
    const last = ids.at(-1);
    if (last === undefined) return { prepared, sized };
    after = last;
    const artifacts = await artifactRecords.findReadableArtifacts(db, everybody, ids);
    const rows = Map.groupBy(await dependencyRecords.listReadableDependencies(db, everybody, ids), (row) => row.artifactId);
    const parts = artifacts.flatMap((artifact) => partsOf(artifact, rows.get(artifact.id) ?? []));
    await closurePartRecords.saveClosureParts(db, parts);
    prepared += parts.length;
    await run.progress(prepared, null, 'versions prepared');
  }
}

async function sizeAll(db: Services['db'], run: JobRun): Promise<number> {
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
