/** Brings the database to this version. */
import { Command } from 'commander';
import { type CliIo, printJson, printLine, printNote } from '../cli-io.ts';
import { createCommand, type JsonOption } from '../command-kit.ts';
import { addConfigOptions, type ConfigFlags, configHelp, readConfig } from '../config-options.ts';
import { logged } from '../management-log.ts';

const notes = `
Safe to run on several machines at once: one applies, the others wait. A server does the same when it starts, unless
database.autoMigrate is off. Without database.url it is the embedded database, whose server must not be running.
${configHelp}`;

export function createDbCommand(io: CliIo): Command {
  return new Command('db')
    .summary('bring the database to this version')
    .description('Bring the database to this version.')
    .addCommand(createMigrateCommand(io));
}

function createMigrateCommand(io: CliIo): Command {
  const examples = ['db migrate', 'db migrate --json', 'db migrate --data-dir /srv/vitrine'];
  return addConfigOptions(createCommand('migrate', 'apply the migrations that the database lacks', examples, notes)).action(
    async (options: JsonOption & ConfigFlags) => {
      const { config } = readConfig(io, options);
      const { database, dataDir, managementLog } = config;
      const { migrate, startEmbeddedPostgres } = await import('#metadata/metadata.ts');
      const applied = await logged(managementLog, 'db migrate', async () => {
        const external = database.directUrl ?? database.url;
        if (external !== undefined) return migrate({ url: external, signal: io.signal });
        await using embedded = await startEmbeddedPostgres({ dataDir, onNotice: (message) => printNote(io, message) });
        // Awaited here: the database stops when this function ends.
        return await migrate({ url: embedded.url, signal: io.signal });
      });
      if (options.json === true) printJson(io, { applied });
      else for (const line of applied.length === 0 ? ['nothing to apply'] : applied) printLine(io, line);
    },
  );
}
