/** The care of stored bytes, as a job of a server or in this process, and how far it is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type JsonObject } from '#base/json.ts';
import { createApiClient } from './api-client.ts';
import { type CliIo, oneLine, printNote } from './cli-io.ts';
import { type ConfigFlags, readConfig } from './config-options.ts';
import { jobDocument, jobMutation } from './documents.ts';
import { textOf } from './json-values.ts';
import { logged } from './management-log.ts';

export type Maintenance = 'blobs:collect' | 'stores:reconcile' | 'blobs:scrub';

const pollMs = 500;

/** Asks a server for the job and waits for its end. @throws AppError when it failed for good, or was cancelled */
export async function runOnServer(io: CliIo, name: Maintenance, payload: JsonObject): Promise<JsonObject> {
  const client = createApiClient(io);
  const asked = await client.mutate(jobMutation('runJob'), { name, payload });
  let job = isJsonObject(asked['job']) ? asked['job'] : {};
  const id = textOf(job['id']);
  printNote(io, `${name} is job ${id}; it goes on when this command ends.`);
  while (!endStates.has(textOf(job['state']))) {
    await sleep(pollMs, undefined, { signal: io.signal });
    const answer = await client.query(jobDocument, { id });
    job = isJsonObject(answer['job']) ? answer['job'] : {};
    if (isJsonObject(job['progress'])) show(io, job['progress']);
  }
  clear(io);
  const output = isJsonObject(job['output']) ? job['output'] : {};
  if (job['state'] === 'completed') return output;
  throw new AppError('INTERNAL', `The job ${id} is ${textOf(job['state'])}: ${JSON.stringify(output)}`);
}

const endStates: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled']);

/** Opens database and stores here, by the configuration of a server, and does the work. */
export async function runHere(io: CliIo, flags: ConfigFlags, name: Maintenance, payload: JsonObject): Promise<JsonObject> {
  const { config } = readConfig(io, flags);
  const { openMaintenance } = await import('#src/compose.ts');
  const { openServerLog } = await import('#http/http-server.ts');
  const { collectBlobs } = await import('#ops/collect-blobs.ts');
  const { reconcileStores } = await import('#ops/reconcile-stores.ts');
  const { scrubBlobs } = await import('#ops/scrub-blobs.ts');
  const repair = payload['repair'] === true;
  return logged(config.managementLog, name, async () => {
    // What it finds is its result; a log between would be in a script's way.
    using log = openServerLog({ ...config.log, level: 'silent' });
    await using open = await openMaintenance(config, log.log);
    const run = {
      signal: io.signal,
      progress: async (done: number, total: number | null, note?: string) => show(io, { done, total, note: note ?? '' }),
    };
    const works = {
      'blobs:collect': () => collectBlobs(open.services, payload, run),
      'stores:reconcile': () => reconcileStores(open.services, { ...payload, repair }, run),
      'blobs:scrub': () => scrubBlobs(open.services, payload, run),
    };
    const result: object = await works[name]();
    clear(io);
    return JSON.parse(JSON.stringify(result)) as JsonObject;
  });
}

function show(io: CliIo, progress: JsonObject): void {
  if (!io.isTerminal) return;
  const total = progress['total'] === null ? '' : ` of ${textOf(progress['total'])}`;
  io.err(`\r\u001b[K${oneLine(`${textOf(progress['done'])}${total} ${textOf(progress['note'])}`)}`);
}

function clear(io: CliIo): void {
  if (io.isTerminal) io.err('\r\u001b[K');
}
