/** An image as its clients read it: one flat object, base fields always present, every further property a string. */
import type { Json, JsonObject } from '#base/json.ts';
import type { BootImage } from '#ops/find-boot-image.ts';
import { toImageStatus } from './image-status.ts';

/** Names that a property cannot take over: base fields, and what the API writes itself. */
const baseNames: ReadonlySet<string> = new Set([
  'id',
  'name',
  'status',
  'visibility',
  'protected',
  'os_hidden',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'owner',
  'size',
  'virtual_size',
  'container_format',
  'disk_format',
  'created_at',
  'updated_at',
  'tags',
  'min_ram',
  'min_disk',
  'self',
  'file',
  'schema',
  'stores',
  'direct_url',
  'locations',
  'location',
  'deleted',
  'deleted_at',
]);

/** Links are relative and start with /v2, whatever prefix the request came by. */
export function toImageJson(image: BootImage): JsonObject {
  const { properties } = image;
  const json: Record<string, Json> = {};
  for (const name in properties) {
    if (!baseNames.has(name) && !name.startsWith('os_glance')) json[name] = toText(properties[name]);
  }
  json['name'] = image.name;
  json['disk_format'] = properties['disk_format'] ?? null;
  json['container_format'] = properties['container_format'] ?? null;
  json['visibility'] = image.visibility;
  json['size'] = image.sizeBytes;
  json['virtual_size'] = properties['virtual_size'] ?? null;
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

/** Clients take further properties for strings, and null for the empty one. */
function toText(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
}

/** Whole seconds of a time in UTC. */
export function toSeconds(time: string): string {
  return `${time.slice(0, 19)}Z`;
}
