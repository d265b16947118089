/** Runs jobs in a process of its own until it is told to stop. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { AppError } from '#base/app-error.ts';
import type { CliIo } from '../cli-io.ts';
import { collect, createCommand, type JsonOption } from '../command-kit.ts';
import { addConfigOptions, type ConfigFlags, configHelp, readConfig } from '../config-options.ts';

const notes = `
A server runs jobs itself unless jobs.worker is off. Any number of workers may run beside it, on the same database and stores.
With metrics.port it answers /healthz, /readyz and /metrics there. Ctrl-C hands running jobs to another worker.
${configHelp}`;

export function createWorkerCommand(io: CliIo): Command {
  const examples = ['worker --database-url postgres://db.example/vitrine', 'worker --queues blobs:scrub --queues blobs:collect'];
  return addConfigOptions(createCommand('worker', 'run jobs', examples, notes))
    .option('--queues <name>', 'only jobs of this name (repeatable)', collect)
    .action(async (options: JsonOption & ConfigFlags & { readonly queues?: readonly string[] }) => {
      const { config } = readConfig(io, options);
      const { startWorkerProcess } = await import('#src/compose.ts');
      await using worker = await startWorkerProcess(config, { packagesOf: io.cwd, jobs: options.queues });
      if (options.json === true) io.out(`${JSON.stringify({ url: worker.url ?? null })}\n`);
      else io.err('Vitrine runs jobs.\n');
      const stopped = io.signal.aborted ? Promise.resolve() : once(io.signal, 'abort').then(() => undefined);
      const isLost = await Promise.race([stopped, worker.databaseExited?.then(() => true) ?? stopped]);
      if (isLost === true) throw new AppError('DATABASE_UNAVAILABLE', 'The embedded PostgreSQL has stopped.');
    });
}
