/** An image is what it is declared to be, and opens nothing but itself on the machine that reads it; the size of its disk is found. */
import { type BlobView, defineHooks, fault, type ImageVerdict, inspectImage, type JsonObject, judgeImage } from 'vitrine/sdk';

export default defineHooks({
  async inspectBlob(blob, { properties }) {
    const verdict = await judge(blob, properties);
    if (verdict === undefined) return [];
    const pointer = `/slots/${blob.slot}/${blob.path.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return verdict.refusals.map(({ reason, message }) => fault(pointer, `${message} (${reason})`, reason));
  },

  async derive({ typeVersion, properties, blobs }) {
    const [blob] = blobs;
    // Version 1 had no place for it. Of what another container holds nothing is known.
    if (typeVersion === '1' || blob === undefined || !isBare(properties)) return {};
    const { virtualBytes = null } = (await judge(blob, properties)) ?? {};
    return virtualBytes === null ? {} : { virtual_size: virtualBytes };
  },
});

/** Of the images looked at last: derive asks for what inspectBlob has just found. By content, so that it holds for any image. */
const verdicts = new Map<string, ImageVerdict>();
/** As many as may be published side by side. */
const verdictsMax = 64;

async function judge(
  blob: BlobView,
  { disk_format: diskFormat, container_format: containerFormat }: JsonObject,
): Promise<ImageVerdict | undefined> {
  if (typeof diskFormat !== 'string') return undefined;
  const declaration = { diskFormat, containerFormat: typeof containerFormat === 'string' ? containerFormat : null };
  const key = JSON.stringify([blob.sha256, blob.sizeBytes, declaration]);
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = judgeImage(await inspectImage(blob), declaration);
  verdicts.set(key, verdict);
  const [oldest] = verdicts.keys();
  if (verdicts.size > verdictsMax && oldest !== undefined) verdicts.delete(oldest);
  return verdict;
}

function isBare({ container_format: containerFormat }: JsonObject): boolean {
  return containerFormat === undefined || containerFormat === 'bare';
}
