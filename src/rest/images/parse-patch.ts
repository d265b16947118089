/** The two media types of a PATCH, read into one list of changes: what each does to which field. */
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';

export interface FieldChange {
  readonly kind: 'add' | 'replace' | 'remove';
  /** Of a field of the image; the API changes fields as a whole. */
  readonly name: string;
  /** Undefined where the change removes. */
  readonly value: Json | undefined;
  /** Adding what is there already is a conflict, and not a replacement. */
  readonly isStrict: boolean;
}

const kinds = ['add', 'replace', 'remove'] as const;

type ReadChange = (change: JsonObject) => Pick<FieldChange, 'kind' | 'isStrict'> & { readonly path: Json };

const mediaTypes: Readonly<Record<string, ReadChange>> = {
  'application/openstack-images-v2.1-json-patch': readNewer,
  'application/openstack-images-v2.0-json-patch': readOlder,
};

/** The value of `Accept-Patch`. */
export const patchMediaTypes = Object.keys(mediaTypes).join(', ');

/** @throws AppError MEDIA_TYPE_UNSUPPORTED */
export function patchReader(contentType: string | undefined): (body: Json) => readonly FieldChange[] {
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const read = Object.hasOwn(mediaTypes, type) ? mediaTypes[type] : undefined;
  if (read === undefined) {
    throw new AppError('MEDIA_TYPE_UNSUPPORTED', `An image is changed with a Content-Type of ${patchMediaTypes}.`);
  }
  return (body) => {
    if (!Array.isArray(body)) throw malformed('The changes are not a list.');
    return body.map((item: Json, index) => {
      if (!isJsonObject(item)) throw malformed(`Change ${index} is not an object.`);
      const { path, ...change } = read(item);
      const name = readPointer(path);
      const value = change.kind === 'remove' ? undefined : item['value'];
      if (change.kind !== 'remove' && value === undefined) throw malformed(`Change ${index} has no value.`);
      return { ...change, name, value };
    });
  };
}

/** `{ op, path, value }`, of which RFC 6902 has further kinds than this API takes. */
function readNewer({ op, path }: JsonObject) {
  const kind = kinds.find((known) => known === op);
  if (kind === undefined) throw malformed(`A change has one op of ${kinds.join(', ')}.`);
  return { kind, path: path ?? null, isStrict: false };
}

/** `{ add | replace | remove: path, value }`, after an early draft of JSON Patch. */
function readOlder(change: JsonObject) {
  const named = kinds.filter((kind) => Object.hasOwn(change, kind));
  const [kind] = named;
  if (kind === undefined || named.length > 1) throw malformed(`A change has one member of ${kinds.join(', ')}.`);
  return { kind, path: change[kind] ?? null, isStrict: kind === 'add' };
}

/** The one segment of a JSON Pointer (RFC 6901). Below `locations` there is more, which all is the same field. */
function readPointer(path: Json): string {
  if (typeof path !== 'string') throw malformed('A path is text.');
  const segments = path.split('/');
  const isPointer = segments.length > 1 && segments[0] === '' && segments.slice(1).every((segment) => segment !== '');
  if (!isPointer || /~(?![01])/.test(path)) throw malformed(`${shownPath(path)} is no JSON Pointer to a field.`);
  const name = (segments[1] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
  if (segments.length > 2 && name !== 'locations')
    throw malformed(`${shownPath(path)} leads into a field, which is changed as a whole.`);
  return name;
}

function shownPath(path: string): string {
  return JSON.stringify(path.slice(0, 100).toWellFormed());
}

function malformed(message: string): AppError {
  return new AppError('REQUEST_MALFORMED', message);
}
