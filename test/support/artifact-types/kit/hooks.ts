/** Hooks whose answers a test can steer by what it writes into the artifact. */
import { defineHooks, fault } from 'vitrine/sdk';

export default defineHooks({
  validate(artifact) {
    return artifact.properties['title'] === 'refused' ? [fault('/properties/title', 'is refused by the type')] : [];
  },

  async inspectBlob(blob) {
    const start = new TextDecoder().decode(await blob.read(0, 4));
    return start === 'EVIL' ? [fault(`/slots/${blob.slot}/${blob.path}`, 'is evil')] : [];
  },

  derive(artifact) {
    if (artifact.properties['title'] === 'derive-fails') throw new Error('derive failed on purpose');
    if (artifact.properties['title'] === 'derive-badly') return { total_bytes: -1 };
    if (artifact.properties['title'] === 'derive-foreign') return { note: 'not mine' };
    return { total_bytes: artifact.blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0) };
  },

  beforePublish(artifact) {
    return artifact.properties['total_bytes'] === 13 ? [fault('/slots', 'have thirteen bytes in all')] : [];
  },
});
