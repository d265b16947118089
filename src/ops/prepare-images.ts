/** Makes ready what the Image API answers for images that were changed without: by an older release, say. */
import { artifactRecords, imageTextRecords } from '#metadata/metadata.ts';
import type { JobRun, OpSettings, Services } from './context.ts';
import { toImageTexts } from './image-texts.ts';

const batchSize = 500;
const everybody = { project: '', isAdmin: true };

/** Lists are right without, only slower. */
export async function prepareImages(
  { db, settings: { imageType } }: Pick<Services, 'db'> & { readonly settings: Pick<OpSettings, 'imageType'> },
  _input: object,
  run: JobRun,
): Promise<{ readonly prepared: number }> {
  let prepared = 0;
  let after = imageTextRecords.firstPlace;
  for (;;) {
    run.signal.throwIfAborted();
    const places = await imageTextRecords.listUnprepared(db, imageType, after, batchSize);
    const last = places.at(-1);
    if (last === undefined) return { prepared };
    after = last;
    const ids = places.map(({ id }) => id);
    const texts = (await artifactRecords.findReadableArtifacts(db, everybody, ids)).flatMap((artifact) =>
      toImageTexts(artifact, imageType),
    );
    await imageTextRecords.saveImageTexts(db, texts, imageType.slot);
    prepared += texts.length;
    await run.progress(prepared, null, 'images prepared');
  }
}
