/** Makes ready what the Image API answers for images, where an older release has not, and after their bytes were moved. */
import { prepareImages } from '#ops/prepare-images.ts';
import { defineJob, noPayload } from './job-definition.ts';

export const prepareImagesJob = defineJob<Record<string, never>>({
  name: 'images:prepare',
  summary: 'Makes ready what the Image API answers for images, where an older release has not, and after their bytes were moved.',
  payload: noPayload,
  schedule: { everyMs: (settings) => settings.prepareImagesEveryMs, payload: {} },
  run: prepareImages,
});
