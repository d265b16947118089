/** Lists artifacts, narrowed by what most people ask for; GraphQL has the whole filter. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AppError } from '#base/app-error.ts';
import type { Json, JsonObject } from '#base/json.ts';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { printArtifacts, readArtifacts } from '../artifact-pages.ts';
import type { CliIo } from '../cli-io.ts';
import { collect, createRemoteCommand, type JsonOption } from '../command-kit.ts';
import { listDocument } from '../documents.ts';
import { parseProperty } from '../property-value.ts';
import { readTypeShape } from '../type-shape.ts';

interface ListOptions extends JsonOption {
  readonly name?: string;
  readonly project?: string;
  readonly tag?: readonly string[];
  readonly state?: readonly string[];
  readonly visibility?: string;
  readonly range?: string;
  readonly property?: readonly string[];
  readonly latest?: boolean;
  readonly hidden?: boolean;
  readonly order: string;
  readonly limit: number;
}

/** All of them are held to be printed as one table, or one JSON. */
const limitMax = 10_000;
const states = ['draft', 'active', 'deactivated'];
const visibilities = ['private', 'shared', 'community', 'public'];
const orders = ['created-at', 'updated-at', 'name', 'version'].flatMap((field) => [`${field}-asc`, `${field}-desc`]);

export function createListCommand(io: CliIo): Command {
  const examples = ['list', 'list image --latest', "list image --name cirros --range '^1' --json", 'list --state draft'];
  return createRemoteCommand('list', 'list artifacts', examples)
    .argument('[type]', 'only of this type')
    .option('--name <name>', 'with this name; a final * matches any rest')
    .option('--project <project>', 'of this project')
    .option('--tag <tag>', 'with this tag (repeatable: with all of them)', collect)
    .addOption(new Option('--state <state>', `in this state: ${states.join(', ')} (repeatable)`).argParser(collectState))
    .addOption(new Option('--visibility <visibility>', 'of this visibility').choices(visibilities))
    .option('--range <range>', 'versions in this SemVer range')
    .option('--property <name=value>', 'with this property, read by its kind (repeatable; needs a type)', collect)
    .option('--latest', 'only the highest release of each name')
    .option('--hidden', 'hidden ones too')
    .addOption(new Option('--order <order>', 'in this order').choices(orders).default('created-at-desc'))
    .option('--limit <count>', `at most so many, up to ${limitMax}`, parseLimit, 100)
    .action(async (type: string | undefined, options: ListOptions) => {
      const client = createApiClient(io);
      const variables = {
        type: type ?? null,
        filter: await toFilter(client, type, options),
        orderBy: options.order.toUpperCase().replaceAll('-', '_'),
        includeHidden: options.hidden === true,
      };
      const list = await readArtifacts(
        options.limit,
        async (page) => (await client.query(listDocument, { ...variables, ...page }))['artifacts'],
      );
      const advice = options.limit < limitMax ? 'read on with a larger --limit' : 'narrow the list';
      printArtifacts(io, list, { asJson: options.json === true, advice });
    });
}

async function toFilter(client: ApiClient, type: string | undefined, options: ListOptions): Promise<JsonObject | null> {
  const filter: Record<string, Json> = {};
  const { name, project, visibility, range, tag = [], state = [], property = [] } = options;
  if (name !== undefined) filter['name'] = name.endsWith('*') ? { prefix: name.slice(0, -1) } : { eq: name };
  if (project !== undefined) filter['project'] = { eq: project };
  if (tag.length > 0) filter['tags'] = { all: tag };
  if (state.length > 0) filter['state'] = { in: state };
  if (visibility !== undefined) filter['visibility'] = { eq: visibility };
  if (range !== undefined) filter['versionRange'] = range;
  if (options.latest === true) filter['latest'] = true;
  if (property.length > 0) filter['property'] = await toPropertyFilters(client, type, property);
  return Object.keys(filter).length === 0 ? null : filter;
}

/** A list is asked for each value given, anything else for being equal. */
async function toPropertyFilters(client: ApiClient, type: string | undefined, texts: readonly string[]): Promise<JsonObject[]> {
  if (type === undefined) throw new AppError('USAGE', '--property needs a type: list image --property disk_format=qcow2');
  const { kinds } = await readTypeShape(client, type);
  return texts.flatMap((text): JsonObject[] => {
    const { name, kind, value } = parseProperty(text, kinds);
    return kind === 'string_list' && Array.isArray(value)
      ? value.map((has) => ({ type, name, has }))
      : [{ type, name, eq: value }];
  });
}

/** What commander's `choices` does, for an option that is repeated. */
function collectState(value: string, previous?: readonly string[]): readonly string[] {
  if (states.includes(value)) return collect(value, previous);
  throw new InvalidArgumentError(`Allowed choices are ${states.join(', ')}.`);
}

function parseLimit(text: string): number {
  const limit = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= limitMax) return limit;
  throw new InvalidArgumentError(`It is a whole number from 1 to ${limitMax}.`);
}
