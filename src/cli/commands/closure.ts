/** Shows what an artifact needs, or projects it for a consumer. */
import { type Command, Option } from 'commander';
import { AppError } from '#base/app-error.ts';
import { createApiClient } from '../api-client.ts';
import { type CliIo, printJson, printLine, printNote, printTable } from '../cli-io.ts';
import { createRemoteCommand, type JsonOption, refHelp } from '../command-kit.ts';
import { objectsOf, textOf, textOrNull } from '../json-values.ts';
import { readClosure, withProblems } from '../pull-artifact.ts';

interface ClosureOptions extends JsonOption {
  readonly mode: 'pinned' | 'floating';
  readonly projection?: 'heat';
  readonly partial?: boolean;
}

export function createClosureCommand(io: CliIo): Command {
  const examples = [
    'closure heat-template/web',
    'closure heat-template/web --json',
    'closure heat-template/web --projection heat > request.json',
  ];
  return createRemoteCommand('closure', 'show an artifact with everything it needs', examples, refHelp)
    .argument('<ref>', 'the artifact')
    .addOption(
      new Option('--mode <mode>', 'pinned: what publish resolved; floating: the newest that fits')
        .choices(['pinned', 'floating'])
        .default('pinned'),
    )
    .addOption(new Option('--projection <consumer>', 'as its consumer wants it, in JSON').choices(['heat']))
    .option('--partial', 'show what is there of a closure that is not complete')
    .action(async (ref: string, options: ClosureOptions) => {
      const client = createApiClient(io);
      if (options.projection !== undefined) {
        const query = new URLSearchParams({ ref, mode: options.mode, format: options.projection });
        const text = await client.getText(`/api/v1/closure?${query}`).catch((error: unknown) => {
          throw error instanceof AppError ? withProblems(error) : error;
        });
        printJson(io, JSON.parse(text));
        return;
      }
      const closure = await readClosure(client, ref, { mode: options.mode, partial: options.partial === true });
      if (options.json === true) printJson(io, closure);
      else {
        const rows = objectsOf(closure['nodes']).map((node) => [
          textOf(node['project']),
          textOf(node['type']),
          textOrNull(node['name']) ?? '-',
          textOrNull(node['version']) ?? '-',
          textOf(node['id']),
        ]);
        printTable(io, ['PROJECT', 'TYPE', 'NAME', 'VERSION', 'ID'], rows);
        for (const problem of objectsOf(closure['problems'])) printNote(io, `warning: ${textOf(problem['message'])}`);
        printLine(io, textOrNull(closure['closureDigest']) ?? 'not complete');
      }
    });
}
