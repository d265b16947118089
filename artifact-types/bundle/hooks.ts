/** A bundle takes any files, but none that are plainly not what they are declared to be, and no archive that bites its reader. */
import {
  type BlobView,
  claimedText,
  defineHooks,
  essenceOf,
  fault,
  findContradiction,
  inspectTar,
  inspectTarGzip,
  inspectText,
  inspectZip,
  sniffBytes,
} from 'vitrine/sdk';

export default defineHooks({
  // Not in the JSON Schema, where it would be another version of the type.
  validate({ properties }) {
    const { homepage } = properties;
    const isWeb = typeof homepage !== 'string' || /^https?:\/\//i.test(homepage);
    return isWeb ? [] : [fault('/properties/homepage', 'must begin with https:// or http://')];
  },

  async inspectBlob(blob) {
    const problems = await inspect(blob);
    const pointer = `/slots/${blob.slot}/${blob.path.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return problems.map((problem) => fault(pointer, problem));
  },
});

async function inspect(blob: BlobView): Promise<readonly string[]> {
  const contradiction = findContradiction(blob.mediaType, await blob.read(0, Math.min(sniffBytes, blob.sizeBytes)));
  if (contradiction !== undefined) return [contradiction];
  const text = claimedText(blob.mediaType);
  if (text !== undefined) return [await inspectText(blob, text)].flatMap((problem) => problem ?? []);
  switch (claimedArchive(blob)) {
    case 'zip':
      return inspectZip(blob);
    case 'tar':
      return inspectTar(blob);
    case 'tar+gzip':
      return inspectTarGzip(blob);
    default:
      return [];
  }
}

/** By the media type; where that says nothing, by the name. A gzip is an archive only where its name says that it holds one. */
function claimedArchive({ mediaType, path }: BlobView): 'zip' | 'tar' | 'tar+gzip' | undefined {
  const essence = essenceOf(mediaType);
  const isUnsaid = essence === 'application/octet-stream';
  if (zipTypes.test(essence) || (isUnsaid && /\.(?:zip|jar|war|csar|whl)$/i.test(path))) return 'zip';
  if (tarTypes.has(essence) || (isUnsaid && /\.tar$/i.test(path))) return 'tar';
  const isGzip = essence === 'application/gzip' || essence === 'application/x-gzip' || isUnsaid;
  return essence === 'application/x-compressed-tar' || (isGzip && /\.(?:tgz|tar\.gz)$/i.test(path)) ? 'tar+gzip' : undefined;
}

const zipTypes = /^application\/(?:zip|x-zip-compressed|java-archive|.*\+zip)$/;
const tarTypes: ReadonlySet<string> = new Set([
  'application/x-tar',
  'application/tar',
  'application/x-gtar',
  'application/x-ustar',
]);
