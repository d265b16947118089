/** GET of the images: a page, and links that carry on with the same filters in the same order. */
import type { HttpExchange } from '#base/http-route.ts';
import { imageVersionField } from '#core/image-fields.ts';
import type { OpContext } from '#ops/context.ts';
import { type ImageSort, listImages } from '#ops/list-images.ts';
import { invalid, readWhole } from './filter-values.ts';
import { answerText } from './image-answers.ts';
import { readImageFilters } from './image-filters.ts';
import { assertNoBody } from './image-requests.ts';
import { imageType } from './image-type.ts';

const limitDefault = 25;
const limitMax = 1000;

export async function sendImageList({ context, request, response, query }: HttpExchange<OpContext>): Promise<void> {
  assertNoBody(request);
  const asked = query();
  const filters = readImageFilters(asked, context.caller.project);
  const limit = asked.get('limit');
  const { texts, last } = await listImages(context, {
    ...imageType,
    ...filters,
    ...readSorts(asked),
    limit: limit === null ? limitDefault : Math.min(readWhole('limit', limit), limitMax),
    marker: asked.get('marker') ?? undefined,
  });
  const rest = JSON.stringify({
    first: linkTo(asked, undefined),
    ...(last === undefined ? {} : { next: linkTo(asked, last) }),
    schema: '/v2/schemas/images',
  });
  answerText(request, response, ['{"images":[', texts, `],${rest.slice(1)}`]);
}

/** Everything that was asked, each tag of several too; only the place differs. */
function linkTo(asked: URLSearchParams, marker: string | undefined): string {
  const query = new URLSearchParams(asked);
  query.delete('marker');
  if (marker !== undefined) query.set('marker', marker);
  return query.size === 0 ? '/v2/images' : `/v2/images?${query}`;
}

const sortKeys: Readonly<Record<string, ImageSort['key']>> = {
  name: 'name',
  status: 'state',
  container_format: { property: 'container_format', valueKind: 'string' },
  disk_format: { property: 'disk_format', valueKind: 'string' },
  size: 'sizeBytes',
  id: 'id',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  [imageVersionField]: 'version',
};

interface Sorting {
  readonly sorts: readonly ImageSort[];
  readonly tieDirection: ImageSort['direction'];
}

/** @throws AppError INPUT_INVALID */
function readSorts(query: URLSearchParams): Sorting {
  const pairs = query.getAll('sort');
  const keys = query.getAll('sort_key');
  const ways = query.getAll('sort_dir');
  if (pairs.length > 0 && keys.length + ways.length > 0) throw invalid('sort', 'excludes sort_key and sort_dir');
  if (pairs.length > 0) {
    const named = pairs.flatMap((list) => list.split(',')).map((pair) => pair.trim().split(':'));
    if (named.some((pair) => pair.length > 2)) throw invalid('sort', 'takes key:direction pairs');
    return { sorts: toSorts(named.map(([key = '', way = 'desc']) => [key, way])), tieDirection: 'desc' };
  }
  if (ways.length > 1 && ways.length !== keys.length) throw invalid('sort_dir', 'is given once, or once for each sort_key');
  const [only] = ways.length === 1 ? ways : ['desc'];
  const tieDirection = readDirection(only ?? 'desc');
  return { sorts: toSorts(keys.map((key, index) => [key, ways[index] ?? tieDirection])), tieDirection };
}

/** A key that comes again settles nothing more. */
function toSorts(pairs: readonly (readonly [string, string])[]): readonly ImageSort[] {
  const sorts = new Map<string, ImageSort>();
  for (const [name, way] of pairs) {
    const key = Object.hasOwn(sortKeys, name) ? sortKeys[name] : undefined;
    if (key === undefined) throw invalid('sort_key', `takes ${Object.keys(sortKeys).join(', ')}`);
    const direction = readDirection(way);
    if (!sorts.has(name)) sorts.set(name, { key, direction });
  }
  return [...sorts.values()];
}

function readDirection(text: string): 'asc' | 'desc' {
  if (text === 'asc' || text === 'desc') return text;
  throw invalid('sort_dir', 'takes asc or desc');
}
