/** The API of one artifact type, generated from its property rules: object, filter, order and list. */
import type { Json } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { listArtifacts } from '#ops/list-artifacts.ts';
import type { ArtifactType } from '#types/type-registry.ts';
import { defineArtifactFilter, toFilter } from './artifact-filter.ts';
import type { ArtifactInputs } from './artifact-inputs.ts';
import { defineConnection, toPageRequest } from './connection.ts';
import type { FilterOperands } from './filter-operands.ts';
import { claimTypeNames, type NameClaims, type TypeNames } from './generated-names.ts';
import { defaultOrder, defineOrder, toOrder } from './order.ts';
import { definePropertyFields, outputField, type PropertyField } from './property-field.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';
import type { SchemaParts } from './schema-parts.ts';
import { addTypedMutations } from './typed-mutations.ts';

export type TypedRef = PothosSchemaTypes.ObjectRef<SchemaTypes, Artifact>;
type ExtraPropertyRef = ReturnType<typeof defineExtraProperty>;

interface ExtraProperty {
  readonly key: string;
  readonly value: Json;
}

/** What the types share, beside the parts of the whole schema. */
export interface TypedParts extends SchemaParts {
  readonly operands: FilterOperands;
  readonly inputs: ArtifactInputs;
  readonly extraProperty: ExtraPropertyRef;
  readonly names: NameClaims;
}

export function defineExtraProperty(builder: Builder) {
  return builder.objectRef<ExtraProperty>('ExtraProperty').implement({
    description: 'A property beyond those that the type names.',
    fields: (t) => ({ key: t.exposeString('key'), value: t.field({ type: 'JSON', resolve: (property) => property.value }) }),
  });
}

export function addTypedArtifact(parts: TypedParts, type: ArtifactType): void {
  const own = claimTypeNames(parts.names, type);
  const fields = definePropertyFields(parts.builder, type, parts.operands, parts.names);
  const object = defineObject(parts, type, own, fields);
  addList(parts, type, own, fields, object);
  addTypedMutations(parts, type, own, fields, object);
}

function defineObject(parts: TypedParts, type: ArtifactType, own: TypeNames, fields: readonly PropertyField[]): TypedRef {
  const { builder, artifact, node, extraProperty } = parts;
  const { description, title } = type.manifest;
  const ref = builder.objectRef<Artifact>(own.object);
  const object = ref.implement({
    interfaces: [artifact, node],
    description: description === '' ? title : description,
    fields: (t) => Object.fromEntries(fields.map((field) => [field.rule.field, outputField(t, field)])),
  });
  if (type.extraKind === null) return object;
  const named = new Set(type.properties.map((rule) => rule.name));
  builder.objectField(object, 'extraProperties', (t) =>
    t.field({
      type: [extraProperty],
      description: 'Properties beyond the named ones, by key.',
      args: { keys: t.arg.stringList({ description: 'Only these.' }) },
      resolve: ({ properties }, args) => {
        const keys = args.keys ?? Object.keys(properties).toSorted();
        return keys.flatMap((key) => {
          const value = named.has(key) || !Object.hasOwn(properties, key) ? undefined : properties[key];
          return value === undefined ? [] : [{ key, value }];
        });
      },
    }),
  );
  return object;
}

function addList(
  parts: TypedParts,
  type: ArtifactType,
  own: TypeNames,
  fields: readonly PropertyField[],
  object: TypedRef,
): void {
  const { builder, operands, pageInfo, pageArguments } = parts;
  const { type: name } = type.manifest;
  const filterable = fields.filter(({ rule }) => rule.filterable);
  const filter = defineArtifactFilter(builder, own.filter, operands, filterable);
  const order = defineOrder(builder, own.order, type);
  const connection = defineConnection(builder, pageInfo, own, object);
  const scope = {
    types: new Map([[name, type]]),
    type: name,
    fields: new Map(filterable.map((field) => [field.rule.field, field])),
  };
  builder.queryField(own.plural, (t) =>
    t.field({
      type: connection,
      description: `The artifacts of type ${name} that the caller has listed.`,
      args: {
        filter: t.arg({ type: filter }),
        orderBy: t.arg({ type: order.ref, defaultValue: defaultOrder }),
        includeHidden: t.arg.boolean({ defaultValue: false }),
        ...pageArguments,
      },
      resolve: (_root, args, { op }) =>
        listArtifacts(op, {
          type: name,
          filter: toFilter(args.filter, scope),
          orderBy: toOrder(order, args.orderBy),
          page: toPageRequest(args),
          includeHidden: args.includeHidden ?? false,
        }),
    }),
  );
}
