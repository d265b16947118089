/** Looks after stored bytes: compares stores with rows, repairs, reads everything again, collects what nothing needs. */
import { Command, InvalidArgumentError } from 'commander';
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import { type CliIo, formatBytes, printJson, printLine } from '../cli-io.ts';
import { collect, createRemoteCommand, type JsonOption } from '../command-kit.ts';
import { addConfigOptions, type ConfigFlags, configHelp } from '../config-options.ts';
import { objectsOf, textOf } from '../json-values.ts';
import { type Maintenance, runHere, runOnServer } from '../run-maintenance.ts';

const notes = `
For administrators. By default a server does it, as a job, and this command waits for its result. With --local this process
opens the database and the stores itself, by the settings of a server: for when none can run. An embedded database must not be
in use by a server then.
${configHelp}`;

interface StorageOptions extends JsonOption {
  readonly local?: boolean;
  readonly store?: readonly string[];
  readonly dryRun?: boolean;
  readonly strayAge?: number;
  readonly olderThan?: number;
  readonly bytesPerSecond?: number;
  readonly grace?: number;
}

export function createStorageCommand(io: CliIo): Command {
  return new Command('storage')
    .summary('check, repair, scrub and collect stored bytes')
    .description('Check, repair, scrub and collect stored bytes.')
    .addCommand(createCheckCommand(io))
    .addCommand(createRepairCommand(io))
    .addCommand(createScrubCommand(io))
    .addCommand(createCollectCommand(io));
}

function createCheckCommand(io: CliIo): Command {
  return create('check', 'compare the stores with what is recorded of them, and change nothing', ['--local'])
    .option('--store <name>', 'only this store (repeatable)', collect)
    .action((options: StorageOptions & ConfigFlags) => reconcile(io, options, false));
}

function createRepairCommand(io: CliIo): Command {
  const summary = 'remove what nothing knows, and withhold places that lost their bytes';
  return create('repair', summary, ['--dry-run', '--store archive'])
    .option('--store <name>', 'only this store (repeatable)', collect)
    .option('--dry-run', 'only say what would be done')
    .option('--stray-age <ms>', 'remove objects that were seen as unknown for so long (storage.strayAgeMs)', parseCount)
    .action((options: StorageOptions & ConfigFlags) => reconcile(io, options, options.dryRun !== true));
}

function createScrubCommand(io: CliIo): Command {
  return create('scrub', 'read stored bytes again, and quarantine what is wrong', ['--older-than 0', '--store archive'])
    .option('--store <name>', 'only this store (repeatable)', collect)
    .option('--older-than <ms>', 'only what was not verified for so long (storage.scrubAfterMs)', parseCount)
    .option('--bytes-per-second <count>', 'no faster than this (storage.scrubBytesPerSecond)', parseCount)
    .action(async (options: StorageOptions & ConfigFlags) => {
      const { olderThan: olderThanMs, bytesPerSecond, store: stores } = options;
      const report = await run(io, options, 'blobs:scrub', { olderThanMs, bytesPerSecond, stores });
      if (options.json === true) printJson(io, report);
      else {
        const [verified, bytes] = [textOf(report['verified']), formatBytes(Number(report['verifiedBytes']))];
        const counts = ['quarantined', 'restored', 'unreadable'].map((field) => `${field} ${textOf(report[field])}`);
        printLine(io, `verified ${verified} blobs (${bytes}), ${counts.join(', ')}`);
        for (const damage of objectsOf(report['damaged'])) printDamage(io, damage);
      }
      const lost = Number(report['quarantined']) + Number(report['unreadable']);
      assertSound(lost, objectsOf(report['skippedStores']));
    });
}

function createCollectCommand(io: CliIo): Command {
  return create('collect', 'remove bytes that nothing refers to, after their grace', ['--json'])
    .option('--grace <ms>', 'how long they stay condemned (storage.collectGraceMs)', parseCount)
    .action(async (options: StorageOptions & ConfigFlags) => {
      const result = await run(io, options, 'blobs:collect', { graceMs: options.grace });
      if (options.json === true) printJson(io, result);
      else {
        const bytes = formatBytes(Number(result['removedBytes']));
        printLine(io, `condemned ${textOf(result['condemned'])}, removed ${textOf(result['removedObjects'])} objects (${bytes})`);
      }
      assertSound(0, objectsOf(result['skippedStores']));
    });
}

function create(name: string, summary: string, examples: readonly string[]): Command {
  const command = createRemoteCommand(
    name,
    summary,
    [`storage ${name}`, ...examples.map((more) => `storage ${name} ${more}`)],
    notes,
  );
  // The settings are many: they are listed by `vitrine serve --help`.
  for (const option of addConfigOptions(new Command()).options) command.addOption(option.hideHelp());
  return command.option('--local', 'without a server: open the database and the stores here');
}

function run(io: CliIo, options: StorageOptions & ConfigFlags, name: Maintenance, input: object): Promise<JsonObject> {
  const payload = JSON.parse(JSON.stringify(input)) as JsonObject;
  return options.local === true ? runHere(io, options, name, payload) : runOnServer(io, name, payload);
}

async function reconcile(io: CliIo, options: StorageOptions & ConfigFlags, repair: boolean): Promise<void> {
  const { strayAge: strayAgeMs, store: stores } = options;
  const report = await run(io, options, 'stores:reconcile', { repair, strayAgeMs, stores });
  const all = objectsOf(report['stores']);
  if (options.json === true) printJson(io, report);
  else for (const store of all) printStore(io, store);
  const skipped = all
    .filter(({ skipped: reason }) => reason !== null)
    .map(({ store, skipped: reason = '' }) => ({ store: store ?? '', reason }));
  const damaged = all.reduce((sum, store) => sum + Number(objectOf(store['damaged'])['count']), 0);
  assertSound(damaged, skipped);
}

function printStore(io: CliIo, store: JsonObject): void {
  const name = textOf(store['store']);
  if (store['skipped'] !== null) {
    printLine(io, `${name}: left out: ${textOf(store['skipped'])}`);
    return;
  }
  const [strays, unfinished, damaged] = [objectOf(store['strays']), objectOf(store['unfinished']), objectOf(store['damaged'])];
  printLine(
    io,
    `${name}: ${textOf(store['objects'])} objects (${formatBytes(Number(store['bytes']))}), ${textOf(store['rows'])} rows`,
  );
  printLine(
    io,
    `  unknown objects     ${textOf(strays['count'])}, due ${textOf(strays['due'])}, removed ${textOf(strays['removed'])}`,
  );
  printLine(io, `  half-written        ${textOf(unfinished['count'])}, removed ${textOf(unfinished['removed'])}`);
  printLine(io, `  lost their bytes    ${textOf(damaged['count'])}, quarantined ${textOf(damaged['quarantined'])}`);
  for (const damage of objectsOf(damaged['first'])) printDamage(io, damage);
}

function printDamage(io: CliIo, damage: JsonObject): void {
  const elsewhere = damage['isReadable'] === true ? '; another place has it' : '';
  printLine(io, `  ${textOf(damage['fault'])}: sha256:${textOf(damage['sha256'])} in ${textOf(damage['store'])}${elsewhere}`);
  for (const artifact of objectsOf(damage['artifacts'])) {
    printLine(io, `    ${textOf(artifact['label'])} ${textOf(artifact['path'])} (${textOf(artifact['id'])})`);
  }
}

/** So that a script sees by the exit code whether somebody has to look. */
function assertSound(damaged: number, skipped: readonly JsonObject[]): void {
  if (damaged > 0)
    throw new AppError('BLOB_UNAVAILABLE', `${damaged} places of blobs have lost their bytes: send those bytes again.`);
  const [first] = skipped;
  if (first !== undefined) {
    throw new AppError('STORE_UNAVAILABLE', `The store ${textOf(first['store'])} was left out: ${textOf(first['reason'])}.`);
  }
}

function objectOf(value: JsonObject[string] | undefined): JsonObject {
  return objectsOf([value ?? null])[0] ?? {};
}

function parseCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number.');
}
