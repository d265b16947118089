/** Relay connections of artifacts: keyset cursors both ways, with the page already cut by the operation. */
import type { Artifact } from '#core/artifact.ts';
import type { Page, PageRequest } from '#core/filter.ts';
import type { Builder, SchemaTypes } from './schema-builder.ts';

export const defaultPageSize = 25;

export type ArtifactPage = Page<Artifact>;
export type ArtifactNodeRef =
  | PothosSchemaTypes.ObjectRef<SchemaTypes, Artifact>
  | PothosSchemaTypes.InterfaceRef<SchemaTypes, Artifact>;
export type ArtifactConnectionRef = PothosSchemaTypes.ObjectRef<SchemaTypes, ArtifactPage>;
export type PageInfoRef = ReturnType<typeof definePageInfo>;
export type PageArguments = ReturnType<typeof definePageArguments>;

export interface PageArgumentValues {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

export function definePageInfo(builder: Builder) {
  return builder.objectRef<ArtifactPage>('PageInfo').implement({
    description: 'Where a page stands in its list; told truthfully in both directions.',
    fields: (t) => ({
      hasNextPage: t.exposeBoolean('hasNextPage'),
      hasPreviousPage: t.exposeBoolean('hasPreviousPage'),
      startCursor: t.string({ nullable: true, resolve: (page) => page.edges[0]?.cursor ?? null }),
      endCursor: t.string({ nullable: true, resolve: (page) => page.edges.at(-1)?.cursor ?? null }),
    }),
  });
}

/** The arguments of every connection field, under the same names. */
export function definePageArguments(builder: Builder) {
  return builder.args((t) => ({
    first: t.int({ description: `Rows of the page, from its start; ${defaultPageSize} where neither first nor last is given.` }),
    after: t.string({ description: 'Cursor of the row before the page.' }),
    last: t.int({ description: 'Rows of the page, from its end; not together with first.' }),
    before: t.string({ description: 'Cursor of the row behind the page.' }),
  }));
}

export function defineConnection(
  builder: Builder,
  pageInfo: PageInfoRef,
  names: { readonly connection: string; readonly edge: string },
  node: ArtifactNodeRef,
): ArtifactConnectionRef {
  const edge = builder.objectRef<ArtifactPage['edges'][number]>(names.edge).implement({
    fields: (t) => ({
      cursor: t.exposeString('cursor', {
        description: 'Opaque; of this filter and order only, and good also when its row is gone.',
      }),
      node: t.field({ type: node, resolve: (item) => item.node }),
    }),
  });
  return builder.objectRef<ArtifactPage>(names.connection).implement({
    fields: (t) => ({
      edges: t.field({ type: [edge], resolve: (page) => page.edges }),
      nodes: t.field({ type: [node], resolve: (page) => page.edges.map((item) => item.node) }),
      pageInfo: t.field({ type: pageInfo, resolve: (page) => page }),
      totalCount: t.int({
        nullable: true,
        description:
          'How many the whole list has; null beyond 10,000. Counted only when it is asked for, and costs as much as a page.',
        resolve: countOnce,
      }),
    }),
  });
}

const counts = new WeakMap<ArtifactPage, Promise<number | null>>();

/** However many aliases ask. */
function countOnce(page: ArtifactPage): Promise<number | null> {
  const known = counts.get(page) ?? page.countAll();
  counts.set(page, known);
  return known;
}

/** Null counts as left out; with neither `first` nor `last`, a page of the default size beside the cursor that is given. */
export function toPageRequest(args: PageArgumentValues): PageRequest {
  const after = args.after ?? undefined;
  const before = args.before ?? undefined;
  if ((args.first ?? args.last ?? null) !== null) {
    return { first: args.first ?? undefined, after, last: args.last ?? undefined, before };
  }
  return before !== undefined && after === undefined
    ? { last: defaultPageSize, before }
    : { first: defaultPageSize, after, before };
}
