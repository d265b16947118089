/** What all commands share: their options, their examples, and how they get at a client. */
import { Command, Option } from 'commander';
import { AppError } from '#base/app-error.ts';
import { type ApiClient, createApiClient } from './api-client.ts';
import { type ArtifactNode, labelOf, resolveArtifact, toArtifactView } from './artifact-view.ts';
import { type CliIo, printJson, printLine } from './cli-io.ts';
import { type ArtifactMutation, artifactMutation } from './documents.ts';

export interface JsonOption {
  readonly json?: boolean;
}

const serverHelp = `
The server is the one VITRINE_URL names (default http://127.0.0.1:9292); VITRINE_TOKEN says who you are.`;

export const refHelp = `
REF is [project/]type/name[@range | @sha256:<digest>], or an id. Ranges are node-semver's: 'image/cirros@^1.2'.
In a name, what has a meaning there is percent-encoded: a/b is a%2Fb.`;

/** A command with `--json`, its examples and where it looks for a server. */
export function createCommand(name: string, summary: string, examples: readonly string[], notes = ''): Command {
  const lines = examples.map((example) => `  $ vitrine ${example}`).join('\n');
  return new Command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .option('--json', 'print the result as JSON (errors too, on standard error)')
    .addHelpText('after', `${notes}\n\nExamples:\n${lines}`);
}

/** The same for what talks to a server. */
export function createRemoteCommand(name: string, summary: string, examples: readonly string[], notes = ''): Command {
  return createCommand(name, summary, examples, `${notes}${serverHelp}`);
}

const parallelMax = 32;

/** How many transfers run at once. */
export function parallelOption(): Option {
  return new Option('--parallel <n>', `how many blobs at once, up to ${parallelMax}`).argParser(parseParallel).default(4);
}

function parseParallel(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= parallelMax) return value;
  throw new AppError('USAGE', `--parallel is a whole number from 1 to ${parallelMax}, not ${JSON.stringify(text)}.`);
}

/** For a repeatable option. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

export interface StepCommand {
  readonly name: string;
  readonly summary: string;
  readonly mutation: ArtifactMutation;
  /** What is said when it is done: `yanked`. */
  readonly done: string;
  readonly examples: readonly string[];
  readonly undo?: { readonly mutation: ArtifactMutation; readonly done: string; readonly help: string };
}

/** A command that resolves a reference and changes that one artifact. */
export function createStepCommand(io: CliIo, step: StepCommand): Command {
  const command = createRemoteCommand(step.name, step.summary, step.examples, refHelp)
    .argument('<ref>', 'the artifact')
    .option('--reason <text>', 'why, for the record');
  if (step.undo !== undefined) command.option('--undo', step.undo.help);
  return command.action(async (ref: string, options: JsonOption & { reason?: string; undo?: boolean }) => {
    const client = createApiClient(io);
    const artifact = await resolveArtifact(io, client, ref);
    const { mutation, done } = options.undo === true && step.undo !== undefined ? step.undo : step;
    const reason = options.reason === undefined ? {} : { reason: options.reason };
    await changeArtifact(io, client, mutation, { id: artifact['id'] ?? '', ...reason }, { ...options, done });
  });
}

/** Runs the mutation and prints the artifact it answers. */
export async function changeArtifact(
  io: CliIo,
  client: ApiClient,
  mutation: ArtifactMutation,
  input: ArtifactNode,
  { json, done }: JsonOption & { readonly done: string },
): Promise<void> {
  const { artifact } = await client.mutate(artifactMutation(mutation), input);
  const view = toArtifactView(artifact as ArtifactNode);
  if (json === true) printJson(io, view);
  else printLine(io, `${done} ${labelOf(view)}`);
}
