/** Makes ready what the Image API answers for images that were changed without, by an older release, say, or whose bytes were moved. */
import { artifactRecords, imageTextRecords } from '#metadata/metadata.ts';
import type { ImageType, JobRun, OpSettings, Services } from './context.ts';
import { toImageTexts } from './image-texts.ts';

const batchSize = 500;
const everybody = { project: '', isAdmin: true };

/** Lists are right without, only slower. */
export async function prepareImages(
  { db, settings: { imageType } }: Pick<Services, 'db'> & { readonly settings: Pick<OpSettings, 'imageType'> },
  _input: object,
  run: JobRun,
): Promise<{ readonly prepared: number }> {
  const prepared = await prepareTexts(db, imageType, run);
  await settleStores(db, run);
  return { prepared };
}

async function settleStores(db: Services['db'], { signal }: JobRun): Promise<void> {
  let last: string | undefined = imageTextRecords.firstPlace.id;
  while (last !== undefined) {
    signal.throwIfAborted();
    const after: string = last;
    last = await db.transaction((tx) => imageTextRecords.settleStores(tx, after, batchSize));
  }
}

async function prepareTexts(db: Services['db'], imageType: ImageType, run: JobRun): Promise<number> {
  let prepared = 0;
  let after = imageTextRecords.firstPlace;
  for (;;) {
    run.signal.throwIfAborted();
    const places = await imageTextRecords.listUnprepared(db, imageType, after, batchSize);
    const last = places.at(-1);
    if (last === undefined) return prepared;
    after = last;
    const ids = places.map(({ id }) => id);
    const texts = (await artifactRecords.findReadableArtifacts(db, everybody, ids)).flatMap((artifact) =>
      toImageTexts(artifact, imageType),
    );
    await imageTextRecords.saveImageTexts(db, texts, { slot: imageType.slot, areHeld: false });
    prepared += texts.length;
    await run.progress(prepared, null, 'images prepared');
  }
}
