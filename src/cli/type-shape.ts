/** What the command line has to know of an artifact type: its slots, and the kinds of its properties. */
import { AppError } from '#base/app-error.ts';
import { isJsonObject } from '#base/json.ts';
import type { ApiClient } from './api-client.ts';
import { typeDocument } from './documents.ts';
import { listOf, objectsOf, textOf } from './json-values.ts';
import type { PropertyKindName, PropertyKinds } from './property-value.ts';
import type { SlotShape } from './push-files.ts';

export interface TypeShape {
  readonly kinds: PropertyKinds;
  readonly slots: ReadonlyMap<string, SlotShape>;
  /** Properties that only hooks write. */
  readonly systemWritten: ReadonlySet<string>;
}

/** As the server knows it. @throws AppError TYPE_UNKNOWN */
export async function readTypeShape(client: ApiClient, name: string): Promise<TypeShape> {
  const { artifactType: type } = await client.query(typeDocument, { name });
  if (!isJsonObject(type)) throw new AppError('TYPE_UNKNOWN', `There is no artifact type "${name}".`);
  const current = isJsonObject(type['current']) ? type['current'] : {};
  const properties = objectsOf(type['properties']);
  const extra = type['extraKind'];
  return {
    kinds: {
      byName: new Map(properties.map((rule) => [textOf(rule['name']), rule['kind'] as PropertyKindName])),
      extra: typeof extra === 'string' ? (extra as PropertyKindName) : null,
    },
    slots: new Map(
      objectsOf(current['slots']).map((slot) => [
        textOf(slot['name']),
        { kind: slot['kind'] === 'map' ? 'map' : 'one', mediaTypes: listOf(slot['mediaTypes']).map(textOf) } as const,
      ]),
    ),
    systemWritten: new Set(properties.filter((rule) => rule['systemWritten'] === true).map((rule) => textOf(rule['name']))),
  };
}
