/**
 * The thread a type's hooks run in: loads the hooks file, answers one call at a time, and gets bytes only by asking. Node's
 * modules for files, network and processes are withheld: a protection from mistakes, not from malice.
 */
import { isBuiltin, registerHooks } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { BlobView, HookArtifact, TypeHooks } from '#sdk/sdk.ts';
import { readFromHead, splitHeads } from './hook-heads.ts';
import { type BlobFacts, type FromWorker, hookNames, type ToWorker, type WorkerTask } from './hook-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('runs as a worker thread only');

const sdkUrl = new URL('../sdk/sdk.ts', import.meta.url).href;
const task = workerData as WorkerTask;
/** What stands in these folders is a type's; packages elsewhere are held to nothing. */
const typeFolders = (task.kind === 'probe' ? task.files : [task.file]).map((file) => pathToFileURL(`${dirname(file)}/`).href);
const pureBuiltins = new Set(['assert', 'buffer', 'crypto', 'path', 'string_decoder', 'url', 'util', 'zlib']);
type Call = Extract<ToWorker, { kind: 'call' }>;

const { readBytes, sliceMs } = task.kind === 'serve' ? task : { readBytes: 0, sliceMs: 0 };
const reads = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: Error): void }>();
let readCount = 0;
/** Of the artifact that the last call was about. */
let known: readonly BlobFacts[] = [];

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'vitrine/sdk') return { url: sdkUrl, shortCircuit: true };
    const isTypes = typeFolders.some((folder) => context.parentURL?.startsWith(folder));
    if (isTypes && isBuiltin(specifier) && !pureBuiltins.has(specifier.replace(/^node:/, ''))) {
      throw new Error(`hooks may not use ${specifier}: no files, no network, no processes`);
    }
    const resolved = next(specifier, context);
    const format = ownFormat(resolved.url);
    return format === undefined ? resolved : { ...resolved, format };
  },
});
for (const name of ['fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest']) Reflect.deleteProperty(globalThis, name);

await start();

/** A type's own files are modules: a package.json above its folder, which says `commonjs` unless told otherwise, is not about them. */
function ownFormat(url: string): string | undefined {
  const folder = typeFolders.find((own) => url.startsWith(own));
  if (folder === undefined || url.slice(folder.length).includes('node_modules/')) return undefined;
  return url.endsWith('.ts') ? 'module-typescript' : url.endsWith('.js') ? 'module' : undefined;
}

async function start(): Promise<void> {
  if (task.kind === 'probe') {
    for (const file of task.files) send(await probe(file));
    return;
  }
  const hooks = await load(task.file);
  port?.on('message', (message: ToWorker) => {
    if (message.kind === 'call') void answer(hooks, message);
    else settleRead(message);
  });
  send({ kind: 'ready' });
}

async function probe(file: string): Promise<FromWorker> {
  try {
    const hooks = await load(file);
    return { kind: 'probed', file, exports: Object.keys(hooks), problem: hooksProblem(hooks) };
  } catch (error) {
    return { kind: 'probed', file, exports: [], problem: `does not load: ${messageOf(error)}` };
  }
}

async function load(file: string): Promise<TypeHooks> {
  const module: unknown = await import(pathToFileURL(file).href);
  const hooks = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
  if (typeof hooks !== 'object' || hooks === null) throw new Error('has no default export with hooks');
  return hooks;
}

function hooksProblem(hooks: TypeHooks): string | null {
  for (const [name, hook] of Object.entries(hooks)) {
    if (!hookNames.some((known) => known === name)) return `exports "${name}", which is no hook (${hookNames.join(', ')})`;
    if (typeof hook !== 'function') return `exports "${name}", which is no function`;
  }
  return null;
}

async function answer(hooks: TypeHooks, call: Call): Promise<void> {
  try {
    const blobs = call.blobs ?? known;
    known = blobs;
    const jsons: string[] = [];
    const until = performance.now() + sliceMs;
    do jsons.push(await answerTurn(hooks, { ...call, blobs }, jsons.length));
    while (jsons.length < call.inspected.length && performance.now() < until);
    send({ kind: 'results', call: call.call, jsons });
  } catch (error) {
    send({ kind: 'failed', call: call.call, message: messageOf(error) });
  }
}

/** The result as JSON. Every blob that is inspected sees an artifact of its own. */
async function answerTurn(
  hooks: TypeHooks,
  call: Call & { readonly blobs: readonly BlobFacts[] },
  turn: number,
): Promise<string> {
  const toView = (facts: BlobFacts, blob: number): BlobView => ({
    ...facts,
    read: (offset, length) => read({ call: call.call, turn, blob, offset, length }),
  });
  let views: readonly BlobView[] | undefined;
  const artifact: HookArtifact = {
    ...call.artifact,
    // Made when asked for: most hooks look at one blob of many.
    get blobs() {
      views ??= call.blobs.map(toView);
      return views;
    },
  };
  const facts = call.inspected[turn];
  const inspected = facts && withHead(toView(facts, call.blobs.length + turn), headOf(call, turn));
  const result = await run(hooks, call.hook, artifact, inspected);
  return JSON.stringify(result ?? null) ?? 'null';
}

function headOf({ heads, headBytes }: Call, turn: number): Uint8Array {
  return splitHeads(heads, headBytes)[turn] ?? new Uint8Array();
}

/** What the head tells is not asked for, and so counts for no limit but that of one read. */
function withHead(view: BlobView, head: Uint8Array): BlobView {
  return {
    ...view,
    read: async (offset, length) => {
      const bytes = length > readBytes ? undefined : readFromHead({ head, sizeBytes: view.sizeBytes }, offset, length);
      return bytes ?? view.read(offset, length);
    },
  };
}

function run(hooks: TypeHooks, hook: string, artifact: HookArtifact, inspected: BlobView | undefined): unknown {
  switch (hook) {
    case 'validate':
      return hooks.validate?.(artifact);
    case 'inspectBlob':
      return inspected === undefined ? undefined : hooks.inspectBlob?.(inspected, artifact);
    case 'derive':
      return hooks.derive?.(artifact);
    default:
      return hooks.beforePublish?.(artifact);
  }
}

function read(asked: Omit<Extract<FromWorker, { kind: 'read' }>, 'kind' | 'read'>): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const id = readCount++;
  reads.set(id, { resolve, reject });
  send({ kind: 'read', read: id, ...asked });
  return promise;
}

function settleRead(message: Exclude<ToWorker, { kind: 'call' }>): void {
  const waiting = reads.get(message.read);
  reads.delete(message.read);
  if (message.kind === 'bytes') waiting?.resolve(message.bytes);
  else waiting?.reject(new Error(message.message));
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 1000);
}

function send(message: FromWorker): void {
  port?.postMessage(message);
}
