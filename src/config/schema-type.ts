/** The TypeScript type that a JSON Schema literal describes, as far as the configuration uses JSON Schema. */

type Scalar<Schema> = Schema extends { readonly enum: readonly (infer Value)[] }
  ? Value
  : Schema extends { readonly const: infer Value }
    ? Value
    : Schema extends { readonly type: 'string' }
      ? string
      : Schema extends { readonly type: 'integer' | 'number' }
        ? number
        : Schema extends { readonly type: 'boolean' }
          ? boolean
          : never;

/** Always there: sections, what has a default, what is required. */
type Present<Schema, Key extends keyof Properties<Schema>> = Properties<Schema>[Key] extends
  | { readonly default: unknown }
  | { readonly type: 'object' }
  ? true
  : Schema extends { readonly required: readonly (infer Required)[] }
    ? Key extends Required
      ? true
      : false
    : false;

type Properties<Schema> = Schema extends { readonly properties: infer All } ? All : never;

export type FromSchema<Schema> = Schema extends { readonly oneOf: readonly (infer Branch)[] }
  ? FromSchema<Branch>
  : Schema extends { readonly type: 'array'; readonly items: infer Items }
    ? readonly FromSchema<Items>[]
    : Schema extends { readonly type: 'object' }
      ? {
          readonly [Key in keyof Properties<Schema>]: Present<Schema, Key> extends true
            ? FromSchema<Properties<Schema>[Key]>
            : FromSchema<Properties<Schema>[Key]> | undefined;
        }
      : Scalar<Schema>;
