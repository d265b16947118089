/** Names that the Image API gives a meaning of its own: no property of an image may stand for them. */

/** What every image shows, in whatever form it was made. */
export const imageBaseFields = [
  ...['id', 'name', 'status', 'visibility', 'protected', 'os_hidden', 'checksum', 'os_hash_algo', 'os_hash_value', 'owner'],
  ...['size', 'virtual_size', 'container_format', 'disk_format', 'created_at', 'updated_at', 'tags', 'min_ram', 'min_disk'],
  ...['self', 'file', 'schema', 'stores', 'direct_url', 'locations'],
] as const;

/** Of an older API, and never shown: who writes them means something that does not happen here. */
export const imageReservedFields = ['location', 'deleted', 'deleted_at'] as const;

/** What the API writes for itself while it works on an image; and what this server adds to the API. */
export const imageReservedPrefixes = ['os_glance', 'os_vitrine_'] as const;

/** The version of the family, on images that have one: the one field that no other server of this API knows. */
export const imageVersionField = 'os_vitrine_version';

const named: ReadonlySet<string> = new Set([...imageBaseFields, ...imageReservedFields]);

/** True for a name that is nothing to the API: a property of that name is only kept. */
export function isFurtherProperty(name: string): boolean {
  return !named.has(name) && !imageReservedPrefixes.some((prefix) => name.startsWith(prefix));
}
