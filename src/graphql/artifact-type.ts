/** What clients may know of the loaded types: their slots, links and properties, and their names in this schema. */
import type { DependencyRule, SlotRule } from '#sdk/sdk.ts';
import type { ArtifactType, PropertyRule, TypeVersion } from '#types/type-registry.ts';
import type { GraphqlContext } from './graphql-context.ts';
import type { Builder } from './schema-builder.ts';
import type { SchemaParts } from './schema-parts.ts';

type Named<Rule> = Rule & { readonly name: string };

export function addArtifactTypes({ builder, types }: SchemaParts): void {
  const version = defineVersion(builder);
  const { kind, property } = defineProperty(builder);
  const ref = builder.objectRef<ArtifactType>('ArtifactType').implement({
    description: 'A loaded artifact type.',
    fields: (t) => ({
      name: t.string({ resolve: ({ manifest }) => manifest.type }),
      title: t.string({ resolve: ({ manifest }) => manifest.title }),
      description: t.string({ resolve: ({ manifest }) => manifest.description }),
      objectType: t.string({ description: 'Its object type here.', resolve: ({ manifest }) => manifest.graphql.typeName }),
      listField: t.string({ description: 'Its list in Query.', resolve: ({ manifest }) => manifest.graphql.plural }),
      current: t.field({
        type: version,
        description: 'The version new artifacts are written under.',
        resolve: (type) => type.current,
      }),
      versions: t.field({ type: [version], resolve: (type) => [...type.versions.values()] }),
      properties: t.field({ type: [property], description: 'Over all released versions.', resolve: (type) => type.properties }),
      extraKind: t.field({
        type: kind,
        nullable: true,
        description: 'The kind of further properties; null where there are none.',
        resolve: (type) => type.extraKind,
      }),
    }),
  });
  const byName = new Map(types.map((type) => [type.manifest.type, type]));
  builder.queryFields((t) => ({
    artifactTypes: t.field({
      type: [ref],
      description: 'The loaded types, by name.',
      resolve: (_root, _args, context) => {
        assertMayList(context);
        return types;
      },
    }),
    artifactType: t.field({
      type: ref,
      nullable: true,
      args: { name: t.arg.string({ required: true }) },
      resolve: (_root, { name }, context) => {
        assertMayList(context);
        return byName.get(name) ?? null;
      },
    }),
  }));
}

/** The registry is no record: there is no operation that reads it, only the rule about who may. */
function assertMayList({ op }: GraphqlContext): void {
  op.policy.authorise(op.caller, 'type:list', { project: op.caller.project });
}

function defineVersion(builder: Builder) {
  const { slot, dependency } = defineRules(builder);
  return builder.objectRef<TypeVersion>('ArtifactTypeVersion').implement({
    fields: (t) => ({
      version: t.exposeString('version'),
      draft: t.boolean({ description: 'Not yet released: it may still change.', resolve: ({ rule }) => rule.draft }),
      digest: t.exposeString('digest', { description: 'SHA-256 of JSON Schema, slots and dependency rules.' }),
      jsonSchema: t.field({ type: 'JSON', resolve: (version) => version.jsonSchema }),
      slots: t.field({ type: [slot], resolve: ({ rule }) => named<SlotRule>(rule.slots) }),
      dependencies: t.field({ type: [dependency], resolve: ({ rule }) => named<DependencyRule>(rule.dependencies) }),
    }),
  });
}

function defineRules(builder: Builder) {
  const slotKind = builder.enumType('SlotKind', { values: ['one', 'map'] as const });
  const slot = builder.objectRef<Named<SlotRule>>('SlotRule').implement({
    description: 'A place for bytes in the artifacts of a type.',
    fields: (t) => ({
      name: t.exposeString('name'),
      kind: t.field({ type: slotKind, resolve: (rule) => rule.kind }),
      description: t.exposeString('description'),
      required: t.exposeBoolean('required'),
      mediaTypes: t.exposeStringList('mediaTypes'),
      maxBytes: t.field({ type: 'Long', nullable: true, resolve: (rule) => rule.maxBytes }),
      maxEntries: t.exposeInt('maxEntries'),
      text: t.exposeBoolean('text'),
    }),
  });
  const dependency = builder.objectRef<Named<DependencyRule>>('DependencyRule').implement({
    description: 'A link that artifacts of a type may or must declare.',
    fields: (t) => ({
      name: t.exposeString('name'),
      description: t.exposeString('description'),
      targets: t.exposeStringList('targets'),
      min: t.exposeInt('min'),
      max: t.exposeInt('max', { nullable: true }),
      singleton: t.exposeBoolean('singleton'),
    }),
  });
  return { slot, dependency };
}

function defineProperty(builder: Builder) {
  const kind = builder.enumType('PropertyKind', {
    values: {
      string: { value: 'string' },
      integer: { value: 'integer' },
      number: { value: 'number' },
      boolean: { value: 'boolean' },
      string_list: { value: 'string-list' },
      json: { value: 'json' },
    } as const,
  });
  const property = builder.objectRef<PropertyRule>('PropertyRule').implement({
    description: 'A property of a type, over all its released versions.',
    fields: (t) => ({
      name: t.exposeString('name'),
      field: t.exposeString('field', { description: 'Its field here.' }),
      kind: t.field({ type: kind, resolve: (rule) => rule.kind }),
      description: t.exposeString('description'),
      label: t.exposeString('label', { nullable: true }),
      enum: t.stringList({ nullable: true, resolve: (rule) => rule.enum }),
      mutable: t.exposeBoolean('mutable'),
      filterable: t.exposeBoolean('filterable'),
      sortable: t.exposeBoolean('sortable'),
      systemWritten: t.exposeBoolean('systemWritten'),
      required: t.exposeBoolean('required'),
    }),
  });
  return { kind, property };
}

function named<Rule extends object>(rules: Readonly<Record<string, Rule>>): readonly Named<Rule>[] {
  return Object.entries(rules).map(([name, rule]) => ({ name, ...rule }));
}
