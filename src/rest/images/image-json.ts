/** An image as its clients read it: one flat object, base fields always present, every further property a string. */
import type { Json, JsonObject } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { imageVersionField, isFurtherProperty } from '#core/image-fields.ts';
import type { BootImage } from '#ops/find-boot-image.ts';
import { toImageStatus } from './image-status.ts';

/** Links are relative and start with /v2, whatever prefix the request came by. */
export function toImageJson(image: BootImage): JsonObject {
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
  if (image.stores !== null) json['stores'] = image.stores;
  json['id'] = image.id;
  json['created_at'] = toSeconds(image.createdAt);
  json['updated_at'] = toSeconds(image.updatedAt);
  json['tags'] = image.tags;
  json['self'] = `/v2/images/${image.id}`;
  json['file'] = `/v2/images/${image.id}/file`;
  json['schema'] = '/v2/schemas/image';
  return json;
}

/** An image that has just been made: it has no data yet, so that nothing needs to be read. */
export function toDraftJson(draft: Artifact): JsonObject {
  const noData = { sizeBytes: null, sha256: null, sha512: null, md5: null, stores: null, isReceiving: false };
  return toImageJson({ ...draft, ...noData });
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
