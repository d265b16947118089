/** The settings of a server as flags of a command: every one that may stand on a command line. */
import { type Command, Option } from 'commander';
import { type LoadedConfig, loadConfig, settings } from '#config/config.ts';
import type { CliIo } from './cli-io.ts';

/** Option → text, as commander parsed it; options of the command itself among them. */
export type ConfigFlags = Readonly<Record<string, unknown>>;

const optionBySetting: ReadonlyMap<string, Option> = new Map(
  settings.flatMap(({ path, flag, description }) => (flag === null ? [] : [[path, new Option(`${flag} <value>`, description)]])),
);

export const configHelp = `
Settings come from the defaults, a file (--config, VITRINE_CONFIG, or vitrine.yaml in the data folder), the environment
(VITRINE_…, VITRINE_…_FILE) and these flags; later ones win. docs/configuration.md has them all.`;

export function addConfigOptions(command: Command): Command {
  command.option('--config <file>', 'a file with settings, YAML or JSON');
  for (const option of optionBySetting.values()) command.addOption(option);
  return command;
}

/** @throws AppError CONFIG_INVALID with every fault */
export function readConfig(io: CliIo, flags: ConfigFlags): LoadedConfig {
  const given = [...optionBySetting].map(([path, option]) => [path, textOrNone(flags[option.attributeName()])]);
  return loadConfig({ env: io.env, cwd: io.cwd, flags: Object.fromEntries(given), file: textOrNone(flags['config']) });
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
