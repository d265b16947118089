/** Lists artifacts, narrowed by what most people ask for; GraphQL has the whole filter. */
import { type Command, InvalidArgumentError } from 'commander';
import { AppError } from '#base/app-error.ts';
import type { Json, JsonObject } from '#base/json.ts';
import { createApiClient } from '../api-client.ts';
import { printArtifacts, readArtifacts } from '../artifact-pages.ts';
import type { CliIo } from '../cli-io.ts';
import { collect, createRemoteCommand, type JsonOption } from '../command-kit.ts';
import { listDocument } from '../documents.ts';

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

export function createListCommand(io: CliIo): Command {
  const examples = ['list', 'list image --latest', "list image --name cirros --range '^1' --json", 'list --state draft'];
  return createRemoteCommand('list', 'list artifacts', examples)
    .argument('[type]', 'only of this type')
    .option('--name <name>', 'with this name; a final * matches any rest')
    .option('--project <project>', 'of this project')
    .option('--tag <tag>', 'with this tag (repeatable: with all of them)', collect)
    .option('--state <state>', 'in this state: draft, active, deactivated (repeatable)', collect)
    .option('--visibility <visibility>', 'private, shared, community or public')
    .option('--range <range>', 'versions in this SemVer range')
    .option('--property <name=value>', 'with this property (repeatable; needs a type)', collect)
    .option('--latest', 'only the highest release of each name')
    .option('--hidden', 'hidden ones too')
    .option('--order <order>', 'created-at, updated-at, name or version, then -asc or -desc', 'created-at-desc')
    .option('--limit <count>', 'at most so many', parseLimit, 100)
    .action(async (type: string | undefined, options: ListOptions) => {
      const client = createApiClient(io);
      const variables = {
        type: type ?? null,
        filter: toFilter(type, options),
        orderBy: options.order.toUpperCase().replaceAll('-', '_'),
        includeHidden: options.hidden === true,
      };
      const list = await readArtifacts(
        options.limit,
        async (page) => (await client.query(listDocument, { ...variables, ...page }))['artifacts'],
      );
      printArtifacts(io, list, options.json === true);
    });
}

function toFilter(type: string | undefined, options: ListOptions): JsonObject | null {
  const filter: Record<string, Json> = {};
  const { name, project, visibility, range, tag = [], state = [], property = [] } = options;
  if (name !== undefined) filter['name'] = name.endsWith('*') ? { prefix: name.slice(0, -1) } : { eq: name };
  if (project !== undefined) filter['project'] = { eq: project };
  if (tag.length > 0) filter['tags'] = { all: tag };
  if (state.length > 0) filter['state'] = { in: state };
  if (visibility !== undefined) filter['visibility'] = { eq: visibility };
  if (range !== undefined) filter['versionRange'] = range;
  if (options.latest === true) filter['latest'] = true;
  if (property.length > 0) filter['property'] = property.map((text) => toPropertyFilter(type, text));
  return Object.keys(filter).length === 0 ? null : filter;
}

/** The value is read as JSON where it is a number or a boolean, else it is text. */
function toPropertyFilter(type: string | undefined, text: string): JsonObject {
  const at = text.indexOf('=');
  if (type === undefined || at < 1)
    throw new AppError('USAGE', '--property is name=value, and needs a type: list image --property …');
  const value = text.slice(at + 1);
  const isScalar = /^(?:true|false|-?\d+(?:\.\d+)?)$/.test(value);
  return { type, name: text.slice(0, at), eq: isScalar ? JSON.parse(value) : value };
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new InvalidArgumentError('It is a whole number above 0.');
}
