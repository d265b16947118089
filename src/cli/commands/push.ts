/** Pushes a file, or a folder with a manifest. */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import { type ApiClient, createApiClient } from '../api-client.ts';
import { labelOf } from '../artifact-view.ts';
import { type CliIo, formatBytes, printJson, printLine, printNote } from '../cli-io.ts';
import { collect, createRemoteCommand, type JsonOption, parallelOption } from '../command-kit.ts';
import { hashFile } from '../hash-file.ts';
import { inParallel } from '../in-parallel.ts';
import { assertMediaTypesUsed, chooseMediaType, parseMediaTypes } from '../media-type.ts';
import { createProgress } from '../progress.ts';
import { parseProperties } from '../property-value.ts';
import { type PushPlan, type PushResult, pushArtifact } from '../push-artifact.ts';
import { type FoundFile, findFlagFiles, findManifestFiles, type PushFile } from '../push-files.ts';
import { manifestName, type PushSpec, readManifest } from '../push-manifest.ts';
import { openPushState } from '../push-state.ts';
import { defaultPatience } from '../retry.ts';
import { readTypeShape } from '../type-shape.ts';

interface PushOptions extends JsonOption {
  readonly type?: string;
  readonly name?: string;
  // The flag is `--version`, as everywhere else that versions are named; the program's own is `vitrine --version`.
  readonly version?: string;
  readonly project?: string;
  readonly visibility?: string;
  readonly description?: string;
  readonly property?: readonly string[];
  readonly tag?: readonly string[];
  readonly slot?: readonly string[];
  readonly mediaType?: readonly string[];
  readonly publish?: boolean;
  readonly dryRun?: boolean;
  readonly parallel: number;
  readonly resumableFrom: number;
}

const mebibyte = 1024 * 1024;

const notes = `
A folder says what it holds in ${manifestName}:
  { "type": "my-type", "name": "web", "version": "1.0.0",
    "properties": {}, "tags": [], "visibility": "private",
    "slots": { "template": "web.yaml", "files": ["nested", "scripts/setup.sh"] },
    "mediaTypes": { "scripts/setup.sh": "text/x-shellscript" },
    "dependencies": [{ "slot": "image", "alias": "base", "ref": "image/base@^1", "parameter": "image" }] }
Each file's path in the artifact is its path in the folder; a folder in a slot means every file beneath it. With --slot it
is the slot's name where the slot takes one file, else the file's name, or its path in the folder given.
Media types go by the ending of each file where it is what that says (a .yaml that is no YAML, such as a template, is text/plain),
unless --media-type or the manifest says another.
Flags beside a folder win over its manifest. Pushing the same content again says so and changes nothing; bytes that the
server has, where you may read them, are not sent again. Without --publish the artifact stays a draft.
A push that is interrupted or cut off leaves its draft, and the same command goes on with it; one that is refused leaves none.`;

export function createPushCommand(io: CliIo): Command {
  const examples = [
    'push --type image --name cirros --version 1.10.0 --property disk_format=qcow2 --slot data=cirros.qcow2 --publish',
    'push my-stack --publish',
    'push my-stack --version 1.1.0 --dry-run',
  ];
  return createRemoteCommand('push', 'upload an artifact: a file, or a folder with a small manifest', examples, notes)
    .argument('[folder]', `a folder with a ${manifestName}`)
    .option('--type <type>', 'the artifact type')
    .option('--name <name>', 'the name; needed for a version')
    .option('--version <version>', 'the version: SemVer 2.0.0')
    .option('--project <project>', 'the project (default: your own)')
    .option('--visibility <visibility>', 'private, shared, community or public')
    .option('--description <text>', 'of the family, where it is new')
    .option('--property <name=value>', 'a property, read by its kind (repeatable)', collect)
    .option('--tag <tag>', 'a tag (repeatable)', collect)
    .option('--slot <slot=path>', 'a file for a slot, or a folder for a slot that takes several (repeatable)', collect)
    .option('--media-type <path=type>', 'the media type of the file with this path in the artifact (repeatable)', collect)
    .option('--publish', 'publish it when everything is there')
    .addOption(parallelOption())
    .addOption(
      new Option('--resumable-from <MiB>', 'send files from this size on in parts, which survive a break')
        .argParser(parseMebibytes)
        .default(16 * mebibyte, '16'),
    )
    .option('--dry-run', 'say what would be pushed, and push nothing')
    .action(async (folder: string | undefined, options: PushOptions) => {
      const client = createApiClient(io);
      const plan = await planPush(io, client, folder, options);
      if (options.dryRun === true) printPlan(io, plan, options.json === true);
      else printResult(io, await push(io, client, plan, options), options.json === true);
    });
}

async function push(io: CliIo, client: ApiClient, plan: PushPlan, options: PushOptions): Promise<PushResult> {
  const progress = createProgress(io);
  try {
    return await pushArtifact(client, plan, {
      parallel: options.parallel,
      resumableFromBytes: options.resumableFrom,
      state: openPushState(io, client.url, plan.spec, plan.files),
      patience: { ...(io.patience ?? defaultPatience), signal: io.signal },
      progress,
      onKept(draftId) {
        progress.end();
        if (options.json === true) return;
        printNote(io, `What was sent is kept in the draft ${draftId}; the same command goes on with it.`);
      },
    });
  } finally {
    progress.end();
  }
}

async function planPush(io: CliIo, client: ApiClient, folder: string | undefined, options: PushOptions): Promise<PushPlan> {
  const root = folder === undefined ? undefined : resolve(io.cwd, folder);
  if (root !== undefined) await assertFolder(root);
  const manifest = root === undefined ? undefined : await readManifest(root);
  const type = options.type ?? manifest?.type;
  if (type === undefined) throw new AppError('USAGE', `Say what it is: --type, or a folder with a ${manifestName}.`);
  const { kinds, slots: shapes, systemWritten } = await readTypeShape(client, type);
  const spec = mergeSpec(type, manifest, options, parseProperties(options.property ?? [], kinds));
  const flagSlots = parseSlots(options.slot ?? []);
  const fromManifest = Object.entries(manifest?.slots ?? {}).filter(([slot]) => !flagSlots.has(slot));
  const found = [
    ...(root === undefined ? [] : await findManifestFiles(root, Object.fromEntries(fromManifest), shapes)),
    ...(await findFlagFiles(io.cwd, flagSlots, shapes)),
  ];
  assertMediaTypesUsed(spec.mediaTypes, found);
  const describe = async (file: FoundFile) => ({
    ...file,
    mediaType: await chooseMediaType(file, spec.mediaTypes, shapes.get(file.slot)?.mediaTypes ?? []),
  });
  const files = await hashFiles(io, await inParallel(found, { parallel: 4, signal: io.signal }, describe), options.parallel);
  return { spec, files, systemWritten, publish: options.publish === true };
}

/** No more at once than there are processors: hashing is their work alone. */
async function hashFiles(io: CliIo, files: readonly Omit<PushFile, 'sha256'>[], parallel: number): Promise<PushFile[]> {
  const progress = createProgress(io);
  try {
    return await inParallel(
      files,
      { parallel: Math.min(parallel, availableParallelism()), signal: io.signal },
      async (file, signal) => {
        const task = progress.begin(`hashing ${file.path}`, file.sizeBytes);
        const { sha256, sizeBytes } = await hashFile(file.file, file.sizeBytes, task.add, signal);
        task.end();
        return { ...file, sizeBytes, sha256 };
      },
    );
  } finally {
    progress.end();
  }
}

function mergeSpec(type: string, manifest: PushSpec | undefined, options: PushOptions, properties: JsonObject): PushSpec {
  const { name, version, project, visibility, description, tag = [] } = options;
  const given = Object.entries({ name, version, project, visibility, description }).filter(([, value]) => value !== undefined);
  const base: PushSpec = manifest ?? { type, properties: {}, tags: [], slots: {}, mediaTypes: {}, dependencies: [] };
  return {
    ...base,
    ...Object.fromEntries(given),
    type,
    properties: { ...base.properties, ...properties },
    tags: [...new Set([...base.tags, ...tag])],
    mediaTypes: { ...base.mediaTypes, ...parseMediaTypes(options.mediaType ?? []) },
  };
}

/** A map, for a name may be one that every object has. */
function parseSlots(texts: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const slots = new Map<string, readonly string[]>();
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1 || at === text.length - 1)
      throw new AppError('USAGE', `A slot is written slot=path, not ${JSON.stringify(text)}.`);
    const slot = text.slice(0, at);
    slots.set(slot, [...(slots.get(slot) ?? []), text.slice(at + 1)]);
  }
  return slots;
}

function parseMebibytes(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return Math.round(value * mebibyte);
  throw new AppError('USAGE', `--resumable-from is a number of MiB, not ${JSON.stringify(text)}.`);
}

async function assertFolder(path: string): Promise<void> {
  const facts = await stat(path).catch((cause: Error) => {
    throw new AppError('FILE_UNREADABLE', `${path} cannot be read: ${cause.message}`, { cause });
  });
  if (facts.isDirectory()) return;
  throw new AppError('USAGE', `${path} is a file; push it into a slot: --type TYPE --slot SLOT=${path}`);
}

function printPlan(io: CliIo, { spec, files, publish }: PushPlan, asJson: boolean): void {
  if (asJson) {
    const slots = files.map(({ slot, path, mediaType, sizeBytes, sha256 }) => ({
      slot,
      path,
      mediaType,
      size: sizeBytes,
      sha256,
    }));
    printJson(io, { ...spec, slots, publish, dryRun: true });
    return;
  }
  const label = [spec.type, spec.name].filter((part) => part !== undefined).join('/');
  printLine(
    io,
    `would ${publish ? 'publish' : 'push as a draft'} ${label}${spec.version === undefined ? '' : `@${spec.version}`}`,
  );
  for (const file of files) printLine(io, `  ${file.slot}: ${file.path}  ${formatBytes(file.sizeBytes)}  sha256:${file.sha256}`);
  for (const { alias, ref } of spec.dependencies) printLine(io, `  needs ${alias}: ${ref}`);
}

function printResult(io: CliIo, { artifact, outcome }: PushResult, asJson: boolean): void {
  if (asJson) {
    printJson(io, { ...artifact, outcome });
    return;
  }
  const words = { draft: 'pushed as a draft', published: 'published', exists: 'exists already with the same content:' };
  printLine(io, `${words[outcome]} ${labelOf(artifact)}`);
  printLine(io, `  id ${artifact.id}${artifact.digest === null ? '' : `, digest ${artifact.digest}`}`);
  if (outcome === 'draft') printLine(io, `  publish it with: vitrine publish ${artifact.id}`);
}
