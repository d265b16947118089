/** What a POST of tus asks for: which place, which bytes, alone or as a part or a whole of parts. */
import type { IncomingMessage } from 'node:http';
import { AppError, type Fault } from '#base/app-error.ts';
import { type DeclaredDigests, parseDigest, parseDigestField } from '#base/digest-field.ts';
import { type BegunUpload, beginPartialUpload, beginUpload } from '#ops/begin-upload.ts';
import type { OpContext } from '#ops/context.ts';
import { joinUploads } from '#ops/join-uploads.ts';
import { expectedRevision } from './request-fields.ts';
import { readConcat, readCreationLength, readMetadata } from './tus-fields.ts';

/** Makes the upload, or finds it where it was made before. */
export async function createUpload(context: OpContext, request: IncomingMessage): Promise<BegunUpload> {
  const { headers } = request;
  const concat = readConcat(headers);
  const metadata = readMetadata(headers);
  const store = metadata.values.get('store');
  if (concat === 'partial') {
    return beginPartialUpload(context, { lengthBytes: readCreationLength(headers), store, metadata: metadata.text });
  }
  const wanted = {
    ...readPlace(metadata.values),
    mediaType: metadata.values.get('media-type') ?? metadata.values.get('filetype'),
    declared: readDeclared(request, metadata.values),
    store,
    metadata: metadata.text,
    expectedRevision: expectedRevision(request),
  };
  if (concat === undefined) return beginUpload(context, { ...wanted, lengthBytes: readCreationLength(headers) });
  if (headers['upload-length'] !== undefined || headers['upload-defer-length'] !== undefined) {
    throw new AppError('INPUT_INVALID', 'The length of a final upload is that of its parts.');
  }
  return joinUploads(context, { ...wanted, parts: concat.parts });
}

/** @throws AppError INPUT_INVALID */
function readPlace(values: ReadonlyMap<string, string>) {
  const artifactId = values.get('artifact');
  const slot = values.get('slot');
  const faults: Fault[] = [];
  if (artifactId === undefined) faults.push({ pointer: '/metadata/artifact', message: 'is the id of a draft, and required' });
  if (slot === undefined) faults.push({ pointer: '/metadata/slot', message: 'is a slot of its type, and required' });
  if (artifactId === undefined || slot === undefined) {
    throw new AppError('INPUT_INVALID', 'Upload-Metadata says where the blob belongs.', { faults });
  }
  return { artifactId, slot, path: values.get('path') };
}

/** Of the whole, from the metadata or from Repr-Digest. @throws AppError DIGEST_INVALID, DIGEST_UNSUPPORTED */
function readDeclared({ headers }: IncomingMessage, values: ReadonlyMap<string, string>): DeclaredDigests | undefined {
  const field = headers['repr-digest'];
  const declared: Record<string, string> = { ...(typeof field === 'string' ? parseDigestField(field) : {}) };
  for (const algorithm of ['sha256', 'sha512', 'md5'] as const) {
    const hex = values.get(algorithm);
    if (hex === undefined) continue;
    const { value } = parseDigest(`${algorithm}:${hex.toLowerCase()}`);
    if (declared[algorithm] !== undefined && declared[algorithm] !== value) {
      throw new AppError('DIGEST_INVALID', `Repr-Digest and the metadata ${algorithm} differ.`);
    }
    declared[algorithm] = value;
  }
  return Object.keys(declared).length === 0 ? undefined : declared;
}
