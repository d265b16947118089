/** An image as its clients read it, as text: one flat object, base fields always present, every further property a string. */
import type { Json, JsonObject } from '#base/json.ts';
import type { ArtifactState, Visibility } from './artifact.ts';
import { imageVersionField, isFurtherProperty } from './image-fields.ts';
import { toImageStatus } from './image-status.ts';

/** What an image shows, but for the stores that have its bytes. */
export interface ShownImage {
  readonly id: string;
  readonly project: string;
  readonly name: string | null;
  readonly version: string | null;
  readonly state: ArtifactState;
  readonly visibility: Visibility;
  readonly hidden: boolean;
  readonly protected: boolean;
  readonly properties: JsonObject;
  readonly tags: readonly string[];
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Null where there is no data; the digests then too. */
  readonly sizeBytes: number | null;
  readonly sha512: string | null;
  readonly md5: string | null;
  /** Data are coming in now. */
  readonly isReceiving: boolean;
}

/** Between texts in a list: none has a line feed, and JSON may have one between values. */
export const imageTextSeparator = ',\n';

const opening = '{"id":"';
const idLength = 36;

/**
 * The object without its stores, and without its end: those come and go, the rest changes with the image's revision only. It
 * begins with the id. Links are relative and start with /v2, whatever prefix the request came by.
 */
export function openImageText(image: ShownImage): string {
  const { properties } = image;
  const json: Record<string, Json> = {};
  for (const name in properties) {
    if (isFurtherProperty(name)) json[name] = toText(properties[name]);
  }
  if (image.version !== null) json[imageVersionField] = image.version;
  json['name'] = image.name;
  json['disk_format'] = properties['disk_format'] ?? null;
  json['container_format'] = properties['container_format'] ?? null;
  json['visibility'] = image.visibility;
  json['size'] = image.sizeBytes;
  // Version 1 of the type had no such property, so that somebody may have made one up.
  json['virtual_size'] = typeof properties['virtual_size'] === 'number' ? properties['virtual_size'] : null;
  json['status'] = toImageStatus(image.state, image.isReceiving);
  json['checksum'] = image.md5;
  json['protected'] = image.protected;
  json['min_ram'] = properties['min_ram'] ?? 0;
  json['min_disk'] = properties['min_disk'] ?? 0;
  json['owner'] = image.project;
  json['os_hidden'] = image.hidden;
  json['os_hash_algo'] = image.sha512 === null ? null : 'sha512';
  json['os_hash_value'] = image.sha512;
  json['created_at'] = toSeconds(image.createdAt);
  json['updated_at'] = toSeconds(image.updatedAt);
  json['tags'] = image.tags;
  json['self'] = `/v2/images/${image.id}`;
  json['file'] = `/v2/images/${image.id}/file`;
  json['schema'] = '/v2/schemas/image';
  return `${opening}${image.id}",${JSON.stringify(json).slice(1, -1)}`;
}

/** @param stores names, joined by commas; null where none has the bytes */
export function toImageText(image: ShownImage, stores: string | null): string {
  return `${openImageText(image)}${stores === null ? '' : `,"stores":${JSON.stringify(stores)}`}}`;
}

/** Of a text that `openImageText` began. */
export function idOfImageText(text: string): string {
  return text.slice(opening.length, opening.length + idLength);
}

/** Clients take further properties for strings, and null for the empty one. */
function toText(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
}

/** Whole seconds of a time in UTC. */
export function toSeconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
