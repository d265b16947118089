/** Shows, asks for, cancels and tries again the jobs of an instance. */
import { Command, InvalidArgumentError } from 'commander';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type Json, type JsonObject } from '#base/json.ts';
import { createApiClient } from '../api-client.ts';
import { type CliIo, printJson, printLine, printTable } from '../cli-io.ts';
import { collect, createRemoteCommand, type JsonOption } from '../command-kit.ts';
import { type JobMutation, jobDocument, jobMutation, jobsDocument } from '../documents.ts';
import { objectsOf, textOf, textOrNull } from '../json-values.ts';

const notes = `
For administrators only.`;

const anId = '6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11';

export function createJobsCommand(io: CliIo): Command {
  return new Command('jobs')
    .summary('see, run and cancel jobs')
    .description('See, run and cancel jobs.')
    .addCommand(createListCommand(io))
    .addCommand(createShowCommand(io))
    .addCommand(createRunCommand(io))
    .addCommand(createStepCommand(io, 'retryJob', 'retry', 'try a job again that failed or was cancelled'))
    .addCommand(createStepCommand(io, 'cancelJob', 'cancel', 'cancel a job that waits or runs'));
}

interface ListOptions extends JsonOption {
  readonly name?: readonly string[];
  readonly state?: readonly string[];
  readonly limit: number;
}

function createListCommand(io: CliIo): Command {
  return createRemoteCommand('list', 'list jobs, the newest first', ['jobs list', 'jobs list --state failed'], notes)
    .option('--name <name>', 'only jobs of this name (repeatable)', collect)
    .option('--state <state>', 'waiting, running, completed, failed or cancelled (repeatable)', collect)
    .option('--limit <count>', 'how many at most', parseLimit, 25)
    .action(async ({ name, state, limit, json }: ListOptions) => {
      const variables = { first: limit, names: name ?? null, states: state ?? null };
      const jobs = objectsOf((await createApiClient(io).query(jobsDocument, variables))['jobs']);
      if (json === true) printJson(io, jobs);
      else printJobs(io, jobs);
    });
}

function createShowCommand(io: CliIo): Command {
  return createRemoteCommand('show', 'show a job', [`jobs show ${anId}`], notes)
    .argument('<id>', 'the id of the job, as jobs list shows it')
    .action(async (id: string, { json }: JsonOption) => {
      const { job } = await createApiClient(io).query(jobDocument, { id });
      if (json === true) printJson(io, job);
      else printJob(io, job);
    });
}

function createRunCommand(io: CliIo): Command {
  const examples = ['jobs run blobs:collect', `jobs run stores:reconcile --payload '{"repair": false}'`];
  return createRemoteCommand('run', 'ask for a job now', examples, notes)
    .argument('<name>', 'the name of the job')
    .option('--payload <json>', 'what it needs to know', parsePayload, {})
    .action(async (name: string, { payload, json }: JsonOption & { readonly payload: JsonObject }) => {
      const { job } = await createApiClient(io).mutate(jobMutation('runJob'), { name, payload });
      if (json === true) printJson(io, job);
      else printLine(io, describe(job));
    });
}

function createStepCommand(io: CliIo, mutation: JobMutation, name: string, summary: string): Command {
  return createRemoteCommand(name, summary, [`jobs ${name} ${anId}`], notes)
    .argument('<id>', 'the id of the job, as jobs list shows it')
    .action(async (id: string, { json }: JsonOption) => {
      const { job } = await createApiClient(io).mutate(jobMutation(mutation), { id });
      if (json === true) printJson(io, job);
      else printLine(io, describe(job));
    });
}

function describe(job: Json | undefined): string {
  return isJsonObject(job) ? `${textOf(job['name'])} is ${textOf(job['state'])} (${textOf(job['id'])})` : '';
}

function printJobs(io: CliIo, jobs: readonly JsonObject[]): void {
  const rows = jobs.map((job) => [
    textOf(job['id']),
    textOf(job['name']),
    textOf(job['state']),
    `${textOf(job['attempts'])}/${textOf(job['maxAttempts'])}`,
    textOf(job['createdAt']),
    progressOf(job),
  ]);
  printTable(io, ['ID', 'NAME', 'STATE', 'ATTEMPTS', 'ASKED FOR', 'PROGRESS'], rows);
}

function printJob(io: CliIo, job: Json | undefined): void {
  if (!isJsonObject(job)) return;
  const lines = ['id', 'name', 'state', 'createdAt', 'startAfter', 'startedAt', 'endedAt'].flatMap((field) => {
    const text = textOrNull(job[field]);
    return text === null ? [] : [[field, text]];
  });
  const attempts = ['attempts', `${textOf(job['attempts'])} of ${textOf(job['maxAttempts'])}`];
  const values = ['payload', 'output'].flatMap((field) => (job[field] ? [[field, JSON.stringify(job[field])]] : []));
  const progress = progressOf(job) === '' ? [] : [['progress', progressOf(job)]];
  for (const [field = '', text = ''] of [...lines, attempts, ...progress, ...values]) printLine(io, `${field.padEnd(12)}${text}`);
}

function progressOf(job: JsonObject): string {
  const progress = job['progress'];
  if (!isJsonObject(progress)) return '';
  const total = textOf(progress['total'] ?? undefined);
  return [`${textOf(progress['done'])}${total === '' ? '' : ` of ${total}`}`, textOf(progress['note'] ?? undefined)]
    .join(' ')
    .trim();
}

function parseLimit(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a number from 1 on.');
}

function parsePayload(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('USAGE', 'The payload is not JSON.', { cause });
  }
  if (isJsonObject(value)) return value;
  throw new InvalidArgumentError('It is a JSON object.');
}
