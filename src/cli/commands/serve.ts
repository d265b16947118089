/** Runs the server until it is told to stop. */
import type { Command } from 'commander';
import type { CliIo } from '../cli-io.ts';
import { createCommand, type JsonOption } from '../command-kit.ts';
import { addConfigOptions, type ConfigFlags, configHelp, readConfig } from '../config-options.ts';

const notes = `
Without a database of your own it brings one along, kept in the data folder. On a loopback address whoever asks from
this machine is the administrator \`dev\` of project \`default\`. Ctrl-C lets running requests end; a second one does not.
${configHelp}`;

export function createServeCommand(io: CliIo): Command {
  const examples = ['serve', 'serve --port 8080 --data-dir /srv/vitrine', 'serve --config /etc/vitrine.yaml'];
  return addConfigOptions(createCommand('serve', 'run the server', examples, notes)).action(
    async (options: JsonOption & ConfigFlags) => {
      const { config } = readConfig(io, options);
      // Only this command needs the whole server: the others start faster without.
      const { startServer } = await import('#src/compose.ts');
      const server = await startServer(config, { signal: io.signal, packagesOf: io.cwd });
      if (options.json === true) io.out(`${JSON.stringify({ url: server.url })}\n`);
      else io.err(`Vitrine is ready at ${server.url}\n`);
      await server.closed;
    },
  );
}
