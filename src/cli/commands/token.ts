/** Makes, lists and revokes API tokens. */
import { Command, InvalidArgumentError } from 'commander';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { createApiClient } from '../api-client.ts';
import { type CliIo, printJson, printLine, printTable } from '../cli-io.ts';
import { collect, createRemoteCommand, type JsonOption } from '../command-kit.ts';
import { createTokenDocument, revokeTokenDocument, tokensDocument } from '../documents.ts';
import { listOf, objectsOf, textOf, textOrNull } from '../json-values.ts';

interface CreateOptions extends JsonOption {
  readonly project?: string;
  readonly subject: string;
  readonly role?: readonly string[];
  readonly description?: string;
  readonly expiresIn?: number;
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export function createTokenCommand(io: CliIo): Command {
  return new Command('token')
    .summary('make, list and revoke API tokens')
    .description('Make, list and revoke API tokens.')
    .addCommand(createCreateCommand(io))
    .addCommand(createListCommand(io))
    .addCommand(createRevokeCommand(io));
}

function createCreateCommand(io: CliIo): Command {
  const examples = [
    'token create --subject ci --role member --expires-in 90d',
    'token create --subject nova --project service --role service --role reader',
  ];
  return createRemoteCommand('create', 'make a token; its secret is shown once, now', examples)
    .requiredOption('--subject <name>', 'who will call with it')
    .option('--project <project>', 'the project it acts in (default: your own)')
    .option('--role <role>', 'reader, member, admin or service (repeatable; default: member)', collect)
    .option('--description <text>', 'what it is for')
    .option('--expires-in <duration>', 'such as 12h or 90d (default: never)', parseDuration)
    .action(async (options: CreateOptions) => {
      const { project, subject, role = [], description, expiresIn } = options;
      const result = await createApiClient(io).mutate(createTokenDocument, {
        subject,
        roles: role.length === 0 ? ['member'] : role,
        ...(project === undefined ? {} : { project }),
        ...(description === undefined ? {} : { description }),
        ...(expiresIn === undefined ? {} : { expiresInMs: expiresIn }),
      });
      const { secret = '', token = {} } = result;
      if (options.json === true) printJson(io, { token, secret });
      else {
        io.err('This is the only time the secret is shown. Use it as VITRINE_TOKEN.\n');
        printLine(io, textOf(secret));
      }
    });
}

function createListCommand(io: CliIo): Command {
  return createRemoteCommand('list', 'list the tokens you may see', ['token list', 'token list --json']).action(
    async (options: JsonOption) => {
      const tokens = objectsOf((await createApiClient(io).query(tokensDocument))['tokens']);
      if (options.json === true) printJson(io, tokens);
      else printTokens(io, tokens);
    },
  );
}

function createRevokeCommand(io: CliIo): Command {
  return createRemoteCommand('revoke', 'end a token at once', ['token revoke 6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11'])
    .argument('<id>', 'the id of the token, as token list shows it')
    .action(async (id: string, options: JsonOption) => {
      const { token } = await createApiClient(io).mutate(revokeTokenDocument, { id });
      if (options.json === true) printJson(io, token);
      else printLine(io, `revoked ${isJsonObject(token) ? textOf(token['subject']) : ''} (${id})`);
    });
}

function printTokens(io: CliIo, tokens: readonly JsonObject[]): void {
  const rows = tokens.map((token) => [
    textOf(token['id']),
    textOf(token['subject']),
    textOf(token['project']),
    listOf(token['roles']).map(textOf).join(','),
    textOrNull(token['expiresAt']) ?? 'never',
    textOrNull(token['revokedAt']) === null ? '' : 'revoked',
  ]);
  printTable(io, ['ID', 'SUBJECT', 'PROJECT', 'ROLES', 'EXPIRES', ''], rows);
}

function parseDuration(text: string): number {
  const match = /^([1-9]\d{0,5})([smhd])$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It is a number and s, m, h or d: 12h, 90d.');
  return Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
}
