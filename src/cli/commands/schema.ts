/** Prints the GraphQL schema of the types that a server here would load. */
import { join } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '#base/package-root.ts';
import { type CliIo, printJson } from '../cli-io.ts';
import { createCommand, type JsonOption } from '../command-kit.ts';
import { addConfigOptions, type ConfigFlags, configHelp, readConfig } from '../config-options.ts';

export function createSchemaCommand(io: CliIo): Command {
  return new Command('schema')
    .summary('print the GraphQL schema')
    .description('Print the GraphQL schema.')
    .addCommand(createPrintCommand(io));
}

function createPrintCommand(io: CliIo): Command {
  const examples = ['schema print', 'schema print --types-folders my-types > schema.graphql'];
  const summary = 'print the GraphQL schema, with all artifact types that the configuration names';
  return addConfigOptions(createCommand('print', summary, examples, configHelp)).action(
    async (options: JsonOption & ConfigFlags) => {
      const { config } = readConfig(io, options);
      const { loadTypes } = await import('#types/load-types.ts');
      const { printSchema } = await import('#graphql/graphql-plane.ts');
      const folders = [join(packageRoot(), 'artifact-types'), ...config.types.folders];
      await using types = await loadTypes({ folders, packagesOf: io.cwd });
      const sdl = printSchema(types);
      if (options.json === true) printJson(io, { sdl });
      else io.out(sdl);
    },
  );
}
