/** Prints the configuration in force, and where each setting comes from. */
import type { Command } from 'commander';
import { describeConfig } from '#config/config.ts';
import { type CliIo, printJson, printTable } from '../cli-io.ts';
import { createCommand, type JsonOption } from '../command-kit.ts';
import { addConfigOptions, type ConfigFlags, configHelp, readConfig } from '../config-options.ts';

export function createConfigCommand(io: CliIo): Command {
  const examples = ['config', 'config --config /etc/vitrine.yaml --json', 'config --port 8080'];
  const summary = 'print the configuration a server here would run with, secrets masked';
  return addConfigOptions(createCommand('config', summary, examples, configHelp)).action((options: JsonOption & ConfigFlags) => {
    const rows = describeConfig(readConfig(io, options));
    if (options.json === true) printJson(io, rows);
    else {
      const cells = rows.map(({ setting, value, source }) => [setting, value === '' ? '-' : value, source]);
      printTable(io, ['SETTING', 'VALUE', 'FROM'], cells);
    }
  });
}
