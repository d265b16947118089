/** An image is what it is declared to be, and opens nothing but itself on the machine that reads it. */
import { defineHooks, fault, inspectImage, judgeImage } from 'vitrine/sdk';

export default defineHooks({
  async inspectBlob(blob, { properties: { disk_format: diskFormat, container_format: containerFormat } }) {
    if (typeof diskFormat !== 'string') return [];
    const inspection = await inspectImage(blob);
    const declaration = { diskFormat, containerFormat: typeof containerFormat === 'string' ? containerFormat : null };
    const { refusals } = judgeImage(inspection, declaration);
    const pointer = `/slots/${blob.slot}/${blob.path.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return refusals.map(({ reason, message }) => fault(pointer, `${message} (${reason})`));
  },
});
