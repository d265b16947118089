/** Pulls the blobs of an artifact, or of everything it needs. */
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AppError, isAppError } from '#base/app-error.ts';
import { closureFileName } from '#core/closure-path.ts';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { labelOf, resolveArtifact, toArtifactView } from '../artifact-view.ts';
import { type CliIo, formatBytes, printJson, printLine, printNote } from '../cli-io.ts';
import { createRemoteCommand, type JsonOption, parallelOption, refHelp } from '../command-kit.ts';
import { objectsOf, textOf } from '../json-values.ts';
import { type OutputTree, openOutputTree } from '../output-tree.ts';
import { createProgress } from '../progress.ts';
import { closureFiles, type PullFile, pullFiles, readClosure, toPullFiles } from '../pull-artifact.ts';
import { defaultPatience, isTransient } from '../retry.ts';

interface PullOptions extends JsonOption {
  readonly output: string;
  readonly closure?: boolean;
  readonly mode: 'pinned' | 'floating';
  readonly partial?: boolean;
  readonly force?: boolean;
  readonly parallel: number;
}

const notes = `${refHelp}
Each blob is written at DIR/<path>; with --closure at DIR/<project>/<type>/<name>/<version or id>/<path>, and
DIR/${closureFileName} says how they belong together. A file appears only when its digest was verified.
The same command again fetches only what is missing, and goes on with what was broken off.`;

export function createPullCommand(io: CliIo): Command {
  const examples = [
    "pull 'image/cirros@^1' --output cirros",
    'pull heat-template/web --closure --output web',
    'pull heat-template/web --closure --mode floating --output web-latest',
  ];
  return createRemoteCommand('pull', 'fetch the blobs of an artifact, or of all it needs', examples, notes)
    .argument('<ref>', 'the artifact')
    .requiredOption('--output <dir>', 'the folder to write into')
    .option('--closure', 'with everything it depends on')
    .addOption(
      new Option('--mode <mode>', 'pinned: what publish resolved; floating: the newest that fits')
        .choices(['pinned', 'floating'])
        .default('pinned'),
    )
    .option('--partial', 'take what is there of a closure that is not complete')
    .addOption(parallelOption())
    .option('--force', 'write into a folder that has other files, and over files with other bytes')
    .action(async (ref: string, options: PullOptions) => {
      const client = createApiClient(io);
      if (options.closure !== true && (options.partial === true || options.mode === 'floating')) {
        throw new AppError('USAGE', '--mode and --partial go with --closure.');
      }
      if (options.closure === true) await pullClosure(io, client, ref, options);
      else await pullOne(io, client, ref, options);
    });
}

async function pullOne(io: CliIo, client: ApiClient, ref: string, options: PullOptions): Promise<void> {
  const view = toArtifactView(await resolveArtifact(io, client, ref));
  const tree = await openOutputTree(resolve(io.cwd, options.output));
  const files = toPullFiles(view.slots);
  await transfer(io, client, tree, files, options);
  if (options.json === true) printJson(io, { ...view, output: tree.root });
  else report(io, labelOf(view), tree, files);
}

async function pullClosure(io: CliIo, client: ApiClient, ref: string, options: PullOptions): Promise<void> {
  const closure = await readClosure(client, ref, { mode: options.mode, partial: options.partial === true });
  const tree = await openOutputTree(resolve(io.cwd, options.output));
  for (const problem of objectsOf(closure['problems'])) printNote(io, `warning: ${textOf(problem['message'])}`);
  const files = closureFiles(closure);
  await transfer(io, client, tree, files, options);
  // Last: where it stands, the pull was whole.
  await tree.writeText(closureFileName, `${JSON.stringify(closure, null, 2)}\n`);
  if (options.json === true) printJson(io, { ...closure, output: tree.root });
  else report(io, `${ref} and all it needs, ${objectsOf(closure['nodes']).length} artifacts`, tree, files);
}

/** @throws AppError OUTPUT_EXISTS before anything is fetched */
async function transfer(
  io: CliIo,
  client: ApiClient,
  tree: OutputTree,
  files: readonly PullFile[],
  options: PullOptions,
): Promise<void> {
  const own = options.closure === true ? [closureFileName] : [];
  const right = await tree.inspect(files, { force: options.force === true, own, signal: io.signal });
  const progress = createProgress(io);
  const patience = { ...(io.patience ?? defaultPatience), signal: io.signal };
  const missing = files.filter((file) => !right.has(file));
  try {
    await pullFiles(client, tree, missing, { parallel: options.parallel, progress, patience });
  } catch (error) {
    progress.end();
    const canGoOn = io.signal.aborted || isTransient(error) || isAppError(error, 'OUTPUT_UNWRITABLE');
    if (options.json !== true && canGoOn) {
      printNote(io, `What came is kept in ${tree.root}; the same command goes on with it.`);
    }
    throw error;
  } finally {
    progress.end();
  }
}

function report(io: CliIo, what: string, tree: OutputTree, files: readonly PullFile[]): void {
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  printLine(io, `pulled ${what}: ${files.length} files, ${formatBytes(bytes)}`);
  for (const file of files) printLine(io, `  ${join(tree.root, file.path)}`);
}
