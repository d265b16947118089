/** The text that the Image API answers for an image, made ready by whatever changes the image. */
import type { Artifact } from '#core/artifact.ts';
import { openImageText } from '#core/image-text.ts';
import type { Sql } from '#metadata/database.ts';
import { imageTextRecords } from '#metadata/metadata.ts';
import type { ImageType, OpContext } from './context.ts';

/** The artifact as it is after a change, read under the lock of the change: in the same transaction. */
export async function keepImageText(tx: Sql, { settings: { imageType } }: OpContext, artifact: Artifact): Promise<void> {
  await imageTextRecords.saveImageTexts(tx, toImageTexts(artifact, imageType), { slot: imageType.slot, areHeld: false });
}

/** Of what is published now. With the stores that have the data, unless somebody moves those now: the job images:prepare comes by. */
export async function keepFirstImageText(tx: Sql, { settings: { imageType } }: OpContext, artifact: Artifact): Promise<void> {
  const texts = toImageTexts(artifact, imageType);
  if (texts.length === 0) return;
  const areHeld = await imageTextRecords.holdBytes(tx, artifact.id, imageType.slot);
  await imageTextRecords.saveImageTexts(tx, texts, { slot: imageType.slot, areHeld });
}

/** None of what is no image, has no data, or has data of which not every digest is known yet. */
export function toImageTexts(artifact: Artifact, imageType: ImageType): readonly imageTextRecords.ImageText[] {
  const { id: artifactId, type, state, revision, slots } = artifact;
  if (type !== imageType.type || state === 'draft' || state === 'deleted') return [];
  const data = slots.find(({ slot, key }) => slot === imageType.slot && key === '');
  if (data === undefined || data.sha512 === '' || data.md5 === '') return [];
  const { sizeBytes, sha512, md5 } = data;
  return [{ artifactId, revision, text: openImageText({ ...artifact, sizeBytes, sha512, md5, isReceiving: false }) }];
}
