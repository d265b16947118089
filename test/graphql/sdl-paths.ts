/** Every place of the SDL where a caller can write an id, a reference or a cursor, each with a request that writes it there. */
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';

export interface SdlPath {
  /** `Query.gadgets(filter.and.id.eq)` */
  readonly name: string;
  /** A document and variables with the id there, and `own` where another one is needed; undefined where no request can be made of the SDL. */
  request(id: string, own: string): { readonly query: string; readonly variables: object } | undefined;
}

/** Words under which an id may be written where the type is only text. */
const idWords = /^(ref|after|before)$/;

export function findSdlPaths(sdl: string): readonly SdlPath[] {
  const schema = buildSchema(sdl);
  const roots = [schema.getQueryType(), schema.getMutationType()].filter((root) => root !== null && root !== undefined);
  return [
    ...roots.flatMap((root) => Object.values(root.getFields()).flatMap((field) => rootPaths(schema, root, field))),
    ...nestedPaths(schema),
  ];
}

function rootPaths(schema: GraphQLSchema, root: GraphQLObjectType, field: GraphQLField<unknown, unknown>): SdlPath[] {
  return field.args.flatMap((argument) =>
    inputPaths(argument, []).map((path) => ({
      name: `${root.name}.${field.name}(${[argument.name, ...path.keys].join('.')})`,
      request: (id, own) => ({
        query: documentOf(schema, root, field),
        variables: Object.fromEntries(
          field.args
            .filter((each) => each === argument || isNonNullType(each.type))
            .map((each) => [each.name, each === argument ? path.valueOf(id, own) : fill(each, own)]),
        ),
      }),
    })),
  );
}

/** Arguments of fields below the root: reached from an artifact or a family that the caller may see. */
function nestedPaths(schema: GraphQLSchema): SdlPath[] {
  const types = Object.values(schema.getTypeMap()).filter((type) => isInterfaceType(type) || isObjectType(type));
  const roots = new Set([schema.getQueryType()?.name, schema.getMutationType()?.name]);
  return types
    .filter(({ name }) => !name.startsWith('__') && !roots.has(name))
    .filter(
      (type) =>
        type.name === 'Artifact' || type.name === 'Family' || !type.getInterfaces().some(({ name }) => name === 'Artifact'),
    )
    .flatMap((type) =>
      Object.values(type.getFields()).flatMap((field) =>
        field.args.flatMap((argument) =>
          inputPaths(argument, []).map((path) => ({
            name: `${type.name}.${field.name}(${argument.name})`,
            request: (id, own) => nestedRequest(type.name, field.name, argument.name, path.valueOf(id, own), own),
          })),
        ),
      ),
    );
}

function nestedRequest(
  type: string,
  field: string,
  argument: string,
  value: unknown,
  own: string,
): ReturnType<SdlPath['request']> {
  const size = argument === 'before' ? 'last: 5' : 'first: 5';
  const selection = `${field}(${argument}: $value, ${size}) { nodes { id } }`;
  const inner = { Artifact: selection, Family: `family { ${selection} }` }[type];
  if (inner === undefined) return undefined;
  return {
    query: `query ($value: String, $own: ID!) { artifact(id: $own) { ${inner} } }`,
    variables: { value, own },
  };
}

interface InputPath {
  readonly keys: readonly string[];
  valueOf(id: string, own: string): unknown;
}

/** Each input object is entered once on a way, so that filters in filters come to an end. */
function inputPaths(item: GraphQLArgument | GraphQLInputField, entered: readonly string[]): InputPath[] {
  const named = getNamedType(item.type);
  const wrap = (value: unknown): unknown => (isListType(getNullableType(item.type)) ? [value] : value);
  if (isInputObjectType(named)) {
    if (entered.includes(named.name)) return [];
    const fields = Object.values(named.getFields());
    return fields.flatMap((field) =>
      inputPaths(field, [...entered, named.name]).map((path) => ({
        keys: [field.name, ...path.keys],
        valueOf: (id, own) => wrap({ ...required(fields, own, field), [field.name]: path.valueOf(id, own) }),
      })),
    );
  }
  const isOfFilter = entered.at(-1) === 'ExactFilter';
  const isId = named.name === 'ID' || (named.name === 'String' && (idWords.test(item.name) || isOfFilter));
  return isId ? [{ keys: [], valueOf: wrap }] : [];
}

function required(fields: readonly GraphQLInputField[], own: string, but?: GraphQLInputField): object {
  return Object.fromEntries(
    fields.filter((field) => field !== but && isNonNullType(field.type)).map((field) => [field.name, fill(field, own)]),
  );
}

/** Texts that must be right for the request to get as far as the id. */
const words: Readonly<Record<string, string>> = { type: 'kit', slot: 'uses', alias: 'alias', project: 'friend' };

/** A value that serves for the input. */
function fill({ name, type }: GraphQLArgument | GraphQLInputField, own: string): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return [];
  if (isEnumType(nullable)) return nullable.getValues()[0]?.name;
  if (isInputObjectType(nullable)) return required(Object.values(nullable.getFields()), own);
  switch (nullable.name) {
    case 'ID':
      return own;
    case 'Int':
    case 'Long':
    case 'Float':
      return 1;
    case 'Boolean':
      return true;
    case 'JSON':
      return {};
    default:
      return words[name] ?? 'text';
  }
}

function documentOf(schema: GraphQLSchema, root: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string {
  const operation = root === schema.getMutationType() ? 'mutation' : 'query';
  const variables = field.args.map(({ name, type }) => `$${name}: ${type.toString()}`).join(', ');
  const values = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
  const type = getNamedType(field.type);
  const selection = isUnionType(type)
    ? type.getTypes().map((member) => `... on ${member.name} { ${leaves(member)} }`)
    : [isObjectType(type) || isInterfaceType(type) ? leaves(type) : ''];
  const body = selection.join(' ');
  return `${operation} (${variables}) { ${field.name}(${values}) ${body === '' ? '' : `{ __typename ${body} }`} }`;
}

/** What says most at little cost: every leaf, the artifact of a payload, the nodes of a page. */
function leaves(type: { readonly name: string; getFields(): Record<string, GraphQLField<unknown, unknown>> }): string {
  return Object.values(type.getFields())
    .filter(({ args }) => args.length === 0)
    .flatMap((field) => {
      const inner = getNamedType(field.type);
      if (!isObjectType(inner) && !isInterfaceType(inner))
        return isUnionType(inner) ? [] : [`${type.name}_${field.name}: ${field.name}`];
      const hasId = 'id' in inner.getFields();
      if (hasId) return [`${type.name}_${field.name}: ${field.name} { id }`];
      return field.name === 'faults' || field.name === 'problems'
        ? [`${type.name}_${field.name}: ${field.name} { message }`]
        : [];
    })
    .join(' ');
}
