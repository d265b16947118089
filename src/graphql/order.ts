/** The orders of a list: the fields every artifact has, and the sortable properties of a type. */
import type { Order } from '#core/filter.ts';
import type { ArtifactType, PropertyRule } from '#types/type-registry.ts';
import { fieldPointer, toScreaming, typeInvalid } from './generated-names.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';

export interface OrderEnum {
  readonly ref: PothosSchemaTypes.EnumRef<SchemaTypes, string>;
  readonly orders: ReadonlyMap<string, Order>;
}

export const defaultOrder = 'CREATED_AT_DESC';

const directions = ['asc', 'desc'] as const;

/** @param type null for the order over all types */
export function defineOrder(builder: Builder, name: string, type: ArtifactType | null): OrderEnum {
  const orders = new Map<string, Order>();
  for (const key of ['createdAt', 'updatedAt', 'name', 'version'] as const) addBoth(orders, key, key);
  for (const rule of type?.properties ?? []) {
    if (!rule.sortable) continue;
    if (orders.has(`${toScreaming(rule.field)}_ASC`)) throw orderTaken(type, rule);
    addBoth(orders, rule.field, { property: rule.name, valueKind: rule.kind });
  }
  const ref = builder.enumType(name, {
    description: 'Ties fall to the id.',
    values: [...orders.keys()],
  });
  return { ref, orders };
}

export function toOrder(order: OrderEnum, value: string | null | undefined): Order {
  return order.orders.get(value ?? defaultOrder) ?? { key: 'createdAt', direction: 'desc' };
}

function addBoth(orders: Map<string, Order>, field: string, key: Order['key']): void {
  for (const direction of directions) {
    orders.set(`${toScreaming(field)}_${direction.toUpperCase()}`, { key, direction });
  }
}

function orderTaken(type: ArtifactType | null, { name, field }: PropertyRule): Error {
  const message = `The order ${toScreaming(field)} is there already; give the property another name under graphql.fields.`;
  return typeInvalid(type?.folder ?? '', fieldPointer(name), message);
}
