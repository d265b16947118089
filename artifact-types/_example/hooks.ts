/** What JSON Schema cannot say about a note: its words are counted, and an empty one is refused. */
import { decodeUtf8, defineHooks, fault, readAll } from 'vitrine/sdk';

/** The slot's own `maxBytes`: a larger blob never gets here. */
const noteBytesMax = 65_536;

export default defineHooks({
  // Runs on verified bytes at publish, once for each blob. An empty list means: nothing to object to.
  async inspectBlob(blob) {
    if (blob.slot !== 'note') return [];
    const bytes = await readAll(blob, noteBytesMax);
    const text = bytes && decodeUtf8(bytes);
    if (text === undefined) return [fault(`/slots/note/${blob.path}`, 'is not UTF-8 text')];
    return text.trim() === '' ? [fault(`/slots/note/${blob.path}`, 'is empty')] : [];
  },

  // Gives the properties that are marked x-system-written, and only those.
  async derive(artifact) {
    const note = artifact.blobs.find((blob) => blob.slot === 'note');
    const bytes = note && (await readAll(note, noteBytesMax));
    const words = (bytes && decodeUtf8(bytes))?.split(/\s+/u).filter((word) => word !== '') ?? [];
    return { word_count: words.length };
  },
});
