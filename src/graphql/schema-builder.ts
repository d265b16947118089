/** The Pothos builder that every noun of the schema is defined with, and the scalars it starts with. */
import SchemaBuilder from '@pothos/core';
import type { Json } from '#base/json.ts';
import type { GraphqlContext } from './graphql-context.ts';
import { dateTimeScalar, jsonScalar, longScalar } from './scalars.ts';

/** Fields are non-null unless said otherwise; input fields optional unless said otherwise. */
export interface SchemaShape {
  Context: GraphqlContext;
  DefaultFieldNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: string; Output: string };
    JSON: { Input: Json; Output: Json };
    Long: { Input: number; Output: number };
  };
}

export type Builder = ReturnType<typeof createSchemaBuilder>;
/** The Pothos types behind the builder, for signatures that name a ref. */
export type SchemaTypes = Builder['$inferSchemaTypes'];

export function createSchemaBuilder() {
  const builder = new SchemaBuilder<SchemaShape>({ defaultFieldNullability: false });
  builder.addScalarType('DateTime', dateTimeScalar);
  builder.addScalarType('JSON', jsonScalar);
  builder.addScalarType('Long', longScalar);
  builder.queryType({});
  builder.mutationType({});
  return builder;
}
