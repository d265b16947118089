/** Invents an artifact type nobody has seen: six properties, two slots, a dependency, a hook with a word of its own. */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const kinds = ['string', 'enum', 'integer', 'number', 'boolean', 'string-list'] as const;
type InventedKind = (typeof kinds)[number];

export interface InventedProperty {
  readonly name: string;
  readonly kind: InventedKind;
  /** A value that is valid, and another that is not this one. */
  readonly value: string | number | boolean | readonly string[];
  readonly other: string | number | boolean | readonly string[];
}

export interface InventedType {
  readonly folder: string;
  readonly type: string;
  readonly typeName: string;
  readonly properties: readonly InventedProperty[];
  readonly oneSlot: string;
  readonly mapSlot: string;
  readonly dependencySlot: string;
  /** What the hook refuses in the first property. */
  readonly forbidden: string;
}

export async function inventType(folder: string): Promise<InventedType> {
  const type = word();
  const properties = shuffled(kinds).map(inventProperty);
  const invented: InventedType = {
    folder: join(folder, type),
    type,
    typeName: `${type[0]?.toUpperCase()}${type.slice(1)}`,
    properties,
    oneSlot: word(),
    mapSlot: word(),
    dependencySlot: word(),
    forbidden: word(),
  };
  await mkdir(join(invented.folder, 'schemas'), { recursive: true });
  await writeFile(join(invented.folder, 'manifest.json'), JSON.stringify(manifestOf(invented), null, 2));
  await writeFile(join(invented.folder, 'schemas/1.json'), JSON.stringify(schemaOf(invented), null, 2));
  await writeFile(join(invented.folder, 'hooks.ts'), hooksOf(invented));
  return invented;
}

function manifestOf(invented: InventedType): object {
  const rule = {
    draft: false,
    slots: {
      [invented.oneSlot]: { kind: 'one', description: 'Invented.', required: true },
      [invented.mapSlot]: { kind: 'map', description: 'Invented.', required: false, maxEntries: 3 },
    },
    dependencies: { [invented.dependencySlot]: { description: 'Invented.', targets: [invented.type], max: 2 } },
  };
  return { type: invented.type, title: 'Invented', description: 'Made by a test.', current: '1', versions: { '1': rule } };
}

function schemaOf(invented: InventedType): object {
  const properties = Object.fromEntries(
    invented.properties.map((property) => [property.name, { ...rangeOf(property), 'x-filterable': true }]),
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: [invented.properties[0]?.name],
    properties,
    additionalProperties: false,
  };
}

function rangeOf({ kind, value, other }: InventedProperty): object {
  switch (kind) {
    case 'enum':
      return { type: 'string', enum: [value, other] };
    case 'string-list':
      return { type: 'array', items: { type: 'string', maxLength: 50 }, maxItems: 10 };
    case 'string':
      return { type: 'string', maxLength: 100 };
    default:
      return { type: kind };
  }
}

function hooksOf(invented: InventedType): string {
  const { name, value } = stringProperty(invented);
  return `import { defineHooks, fault } from 'vitrine/sdk';
// ${JSON.stringify(value)} passes.
export default defineHooks({
  validate(artifact) {
    return artifact.properties[${JSON.stringify(name)}] === ${JSON.stringify(invented.forbidden)}
      ? [fault('/properties/${name}', 'the word of this run is refused: ${invented.forbidden}')]
      : [];
  },
});
`;
}

/** The property that takes any text: the hook looks at it. */
export function stringProperty(invented: InventedType): InventedProperty {
  const found = invented.properties.find(({ kind }) => kind === 'string');
  if (found === undefined) throw new Error('no property of kind string');
  return found;
}

function inventProperty(kind: InventedKind): InventedProperty {
  const name = `${word()}_${word()}`;
  switch (kind) {
    case 'integer':
      return { name, kind, value: randomInt(1, 1000), other: randomInt(1001, 2000) };
    case 'number':
      return { name, kind, value: randomInt(1, 1000) + 0.5, other: randomInt(1001, 2000) + 0.25 };
    case 'boolean':
      return { name, kind, value: true, other: false };
    case 'string-list':
      return { name, kind, value: [word(), word()], other: [word()] };
    default:
      return { name, kind, value: word(), other: word() };
  }
}

/** Ten letters: no word GraphQL, JSON Schema or the interface reserves is likely to be met. */
function word(): string {
  return [...randomBytes(10)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('');
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, key: randomInt(1 << 30) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
