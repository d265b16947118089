/** What a list of images may be narrowed by, as conditions over artifacts: base fields, and any further property by equality. */
import type { Json } from '#base/json.ts';
import { type ArtifactState, type MemberStatus, memberStatuses, visibilities } from '#core/artifact.ts';
import type { Filter, FilterField, FilterOperator, FilterValueKind } from '#core/filter.ts';
import { imageVersionField } from '#core/image-fields.ts';
import { type ImageStatus, statesOf } from '#core/image-status.ts';
import { invalid, readOneOf, readTexts, readTruth, readWhole, timeFilter } from './filter-values.ts';
import { imageType } from './image-type.ts';

export interface ImageFilters {
  readonly filter: Filter | null;
  readonly memberStatuses: readonly MemberStatus[] | undefined;
  /** A reference of the whole grammar. */
  readonly ref: string | undefined;
}

/** Not filters: what turns pages, and what other servers of this API leave aside too. */
const passedOver: ReadonlySet<string> = new Set(['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'deleted']);
/** Parts of every image that say where it is, not what it is. */
const unfilterable: ReadonlySet<string> = new Set([
  ...['changes-since', 'locations', 'location', 'direct_url', 'stores', 'self', 'file', 'schema', 'deleted_at'],
]);
/** What an image has a reference for: `os_vitrine_ref=[project/]name[@range]`. */
const referenceField = 'os_vitrine_ref';
/** The highest release of each family only. */
const latestField = 'os_vitrine_latest';

/** Of a name that is given twice the last counts; only tags add up. @throws AppError INPUT_INVALID */
export function readImageFilters(query: URLSearchParams, project: string): ImageFilters {
  const parts: Filter[] = [];
  const given = new Map<string, string>();
  for (const [name, value] of query) if (name !== 'tag' && !passedOver.has(name)) given.set(name, value);
  const tags = query.getAll('tag');
  if (tags.length > 0) parts.push({ kind: 'tags', operator: 'all', tags: [...new Set(tags)] });
  for (const [name, value] of given) parts.push(...conditionsOf(name, value));
  parts.push(...audienceOf(given.get('visibility'), given.get('owner'), project));
  const statuses = given.get('member_status');
  const ref = given.get(referenceField);
  return {
    filter: parts.length === 0 ? null : { kind: 'and', of: parts },
    memberStatuses: statuses === undefined ? undefined : readMemberStatuses(statuses),
    ref: ref === undefined ? undefined : toReference(ref),
  };
}

function conditionsOf(name: string, value: string): readonly Filter[] {
  switch (name) {
    // Read apart, with the others' help.
    case 'visibility':
    case 'member_status':
    case referenceField:
      return [];
    case 'id':
      // Whoever writes one in capitals finds the image by its path too.
      return [
        equals(
          name,
          readTexts(name, value).map((id) => id.toLowerCase()),
        ),
      ];
    case 'name':
      return [equals(name, readTexts(name, value))];
    case 'status':
      return [statusFilter(readTexts(name, value))];
    case 'container_format':
    case 'disk_format':
      return [ofProperty(name, 'string', 'in', readTexts(name, value))];
    case 'created_at':
      return [timeFilter(name, 'createdAt', value)];
    case 'updated_at':
      return [timeFilter(name, 'updatedAt', value)];
    case 'size':
      return [ofField('sizeBytes', 'eq', readWhole(name, value))];
    case 'size_min':
      return [ofField('sizeBytes', 'gte', readWhole(name, value))];
    case 'size_max':
      return [ofField('sizeBytes', 'lte', readWhole(name, value))];
    case 'min_ram':
    case 'min_disk':
      return [minimumFilter(name, readWhole(name, value))];
    case 'virtual_size':
      return [ofProperty(name, 'integer', 'eq', readWhole(name, value))];
    case 'os_hidden':
      return [ofField('hidden', 'eq', readTruth(name, value))];
    case 'protected':
      return [ofField('protected', 'eq', readTruth(name, value))];
    case 'owner':
      return [equals('project', [value])];
    case 'checksum':
      return [{ kind: 'blob', slot: imageType.slot, algorithm: 'md5', value }];
    case 'os_hash_value':
      return [{ kind: 'blob', slot: imageType.slot, algorithm: 'sha512', value }];
    case 'os_hash_algo':
      // Whatever has bytes has their SHA-512.
      return [value === 'sha512' ? ofField('sizeBytes', 'gte', 0) : never];
    case imageVersionField:
      return [{ kind: 'versionRange', range: value }];
    case latestField:
      return readTruth(name, value) ? [{ kind: 'latest' }] : [];
    default:
      if (unfilterable.has(name)) throw invalid(name, 'is nothing that images are filtered by');
      return [ofProperty(name, 'string', 'eq', value)];
  }
}

const never: Filter = { kind: 'or', of: [] };

function ofField(field: FilterField, operator: FilterOperator, value: Json): Filter {
  return { kind: 'field', field, operator, value };
}

function ofProperty(property: string, valueKind: FilterValueKind, operator: FilterOperator, value: Json): Filter {
  return { kind: 'property', type: imageType.type, property, valueKind, operator, value };
}

function equals(field: 'id' | 'name' | 'project', texts: readonly string[]): Filter {
  const [only, ...more] = texts;
  return ofField(
    field,
    more.length === 0 && only !== undefined ? 'eq' : 'in',
    only !== undefined && more.length === 0 ? only : [...texts],
  );
}

/** What does not say how much it needs is shown as needing nothing. */
function minimumFilter(property: string, value: number): Filter {
  const equal = ofProperty(property, 'integer', 'eq', value);
  const missing: Filter = { kind: 'not', of: ofProperty(property, 'integer', 'exists', true) };
  return value === 0 ? { kind: 'or', of: [equal, missing] } : equal;
}

/** Drafts are two statuses, by whether bytes are coming. */
function statusFilter(statuses: readonly string[]): Filter {
  const states = [...new Set(statuses.flatMap((status) => statesOf(status as ImageStatus)))];
  const inStates = ofField('state', states.length === 1 ? 'eq' : 'in', states.length === 1 ? (states[0] ?? '') : [...states]);
  const [queued, saving] = [statuses.includes('queued'), statuses.includes('saving')];
  if (queued === saving) return inStates;
  const receiving: Filter = { kind: 'receiving', slot: imageType.slot, value: saving };
  const draft: ArtifactState = 'draft';
  return states.length === 1
    ? { kind: 'and', of: [inStates, receiving] }
    : { kind: 'and', of: [inStates, { kind: 'or', of: [ofField('state', 'ne', draft), receiving] }] };
}

/** Community images of others are come upon by who asks for them, or for what their owner has. */
function audienceOf(visibility: string | undefined, owner: string | undefined, project: string): readonly Filter[] {
  if (visibility === undefined) return owner === undefined || owner === project ? [] : [everyVisibility];
  const wanted = readOneOf('visibility', visibility, [...visibilities, 'all']);
  return [wanted === 'all' ? everyVisibility : ofField('visibility', 'eq', wanted)];
}

const everyVisibility = ofField('visibility', 'in', [...visibilities]);

function readMemberStatuses(text: string): readonly MemberStatus[] {
  const wanted = readOneOf('member_status', text, [...memberStatuses, 'all']);
  return wanted === 'all' ? memberStatuses : [wanted];
}

/** The type goes before the name, which is what follows the last slash. */
function toReference(text: string): string {
  const at = text.indexOf('@');
  const slash = text.lastIndexOf('/', at < 0 ? text.length : at);
  return `${text.slice(0, slash + 1)}${imageType.type}/${text.slice(slash + 1)}`;
}
