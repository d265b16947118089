/** Makes ready what the Image API answers for images that were changed without: by an older release, say. */
import { imageType } from '#core/image-fields.ts';
import { artifactRecords, imageTextRecords } from '#metadata/metadata.ts';
import type { JobRun, Services } from './context.ts';
import { toImageTexts } from './image-texts.ts';

const batchSize = 500;
const everybody = { project: '', isAdmin: true };

/** Lists are right without, only slower. */
export async function prepareImages(
  { db }: Pick<Services, 'db'>,
  _input: object,
  run: JobRun,
): Promise<{ readonly prepared: number }> {
  let prepared = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    run.signal.throwIfAborted();
    const ids = await imageTextRecords.listUnprepared(db, imageType, after, batchSize);
    const last = ids.at(-1);
    if (last === undefined) return { prepared };
    after = last;
    const texts = (await artifactRecords.findReadableArtifacts(db, everybody, ids)).flatMap(toImageTexts);
    await imageTextRecords.saveImageTexts(db, texts, imageType.slot);
    prepared += texts.length;
    await run.progress(prepared, null, 'images prepared');
  }
}
