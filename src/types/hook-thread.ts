/** One worker thread for the hooks of one type: started by its first call, one call at a time, ended when it overruns or idles. */
import { Worker } from 'node:worker_threads';
import { isAppError } from '#base/app-error.ts';
import type { BlobView, HookArtifact } from '#sdk/sdk.ts';
import { type InspectedBlob, joinHeads } from './hook-heads.ts';
import type { HookLimits } from './hook-limits.ts';
import type { BlobFacts, FromWorker, HookName, ToWorker, WorkerTask } from './hook-protocol.ts';

/** What a call came to: JSON texts, a reason that is the type's fault, or an error that is not (a store that does not answer). */
type HookOutcome =
  | { readonly kind: 'results'; readonly jsons: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'error'; readonly error: unknown };

export interface HookThread extends AsyncDisposable {
  /** Answers one result; where there are blobs to inspect, one for each, or for the first ones. */
  call(hook: HookName, artifact: HookArtifact, inspected: readonly InspectedBlob[]): Promise<HookOutcome>;
}

interface Call {
  readonly id: number;
  /** The artifact's blobs in their order, and behind them those to inspect. */
  viewOf(index: number): BlobView | undefined;
  readonly bytesLeft: number[];
  remainingMs: number;
  startedAt: number;
  openReads: number;
  timer: NodeJS.Timeout | undefined;
  /** Hands the call to the thread, once that is ready. */
  begin(thread: Worker): void;
  finish(outcome: HookOutcome): void;
}

export function startHookWorker(task: WorkerTask, limits: HookLimits): Worker {
  const worker = new Worker(new URL('./hook-worker.ts', import.meta.url), {
    workerData: task,
    env: {},
    execArgv: [],
    // What a hook prints is its author's business and goes nowhere: the server's own output stays readable.
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMb, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
  });
  worker.stdout.resume();
  worker.stderr.resume();
  return worker;
}

export function createHookThread(file: string, limits: HookLimits): HookThread {
  let worker: Worker | undefined;
  let isReady = false;
  let current: Call | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let callCount = 0;
  /** What the thread knows already. Weak: the views hold on to the request that made them. */
  let known: WeakRef<readonly BlobView[]> | undefined;

  /** Ends the thread; the next call starts another. */
  const drop = (outcome?: HookOutcome): void => {
    const ended = worker;
    worker = undefined;
    isReady = false;
    known = undefined;
    void ended?.terminate();
    if (outcome !== undefined) current?.finish(outcome);
  };
  const open = (): Worker => {
    if (worker !== undefined) return worker;
    const started = startHookWorker({ kind: 'serve', file, readBytes: limits.readBytes, sliceMs: limits.sliceMs }, limits);
    started.on('message', (message: FromWorker) => {
      if (started !== worker) return;
      if (message.kind === 'ready') {
        isReady = true;
        current?.begin(started);
      } else if (current !== undefined) receive(started, current, message);
    });
    const crashed = (reason: string): void => {
      if (started === worker) drop({ kind: 'failed', reason });
    };
    started.on('error', (error) => crashed(`crashed: ${error instanceof Error ? error.message : String(error)}`));
    started.on('exit', (code) => crashed(`ended its thread (exit code ${code})`));
    worker = started;
    return started;
  };
  const receive = (from: Worker, call: Call, message: FromWorker): void => {
    if (!('call' in message) || message.call !== call.id) return;
    if (message.kind === 'read') void serveRead(from, call, message);
    else if (message.kind === 'results') call.finish({ kind: 'results', jsons: message.jsons });
    else if (message.kind === 'failed') call.finish({ kind: 'failed', reason: message.message });
  };

  const arm = (call: Call): void => {
    call.startedAt = performance.now();
    call.timer = setTimeout(
      () => drop({ kind: 'failed', reason: `took longer than ${limits.deadlineMs} ms` }),
      Math.max(0, call.remainingMs),
    );
  };
  const disarm = (call: Call): void => {
    clearTimeout(call.timer);
    call.remainingMs -= performance.now() - call.startedAt;
  };
  const serveRead = async (from: Worker, call: Call, message: HookRead): Promise<void> => {
    const reply = (answer: ToWorker): void => from.postMessage(answer);
    const problem = readProblem(call, message, limits);
    if (problem !== undefined) return reply({ kind: 'refused', read: message.read, message: problem });
    // A slow store is not the hook's fault: its clock stands still while it waits.
    if (call.openReads++ === 0) disarm(call);
    call.bytesLeft[message.turn] = bytesLeft(call, message) - message.length;
    try {
      const bytes = (await call.viewOf(message.blob)?.read(message.offset, message.length)) ?? new Uint8Array();
      if (call === current) reply({ kind: 'bytes', read: message.read, bytes: new Uint8Array(bytes) });
    } catch (error) {
      if (call !== current) return;
      drop({ kind: 'error', error: isAppError(error) ? error : new Error('reading a blob failed', { cause: error }) });
    }
    if (--call.openReads === 0 && call === current) arm(call);
  };

  const run: HookThread['call'] = async (hook, artifact, inspected) => {
    clearTimeout(idleTimer);
    const { blobs, ...facts } = artifact;
    const viewOf = (index: number) => blobs[index] ?? inspected[index - blobs.length]?.blob;
    const { promise, resolve } = Promise.withResolvers<HookOutcome>();
    const id = callCount++;
    const request = () => {
      const isKnown = known?.deref() === blobs;
      known = new WeakRef(blobs);
      const sent = isKnown ? null : blobs.map(toFacts);
      return { kind: 'call' as const, call: id, hook, artifact: facts, blobs: sent, ...toInspect(inspected) };
    };
    const call: Call = {
      id,
      viewOf,
      bytesLeft: Array.from({ length: Math.max(1, inspected.length) }, () => limits.callBytes),
      // The last of several may begin as the slice ends.
      remainingMs: limits.deadlineMs + (inspected.length > 1 ? limits.sliceMs : 0),
      startedAt: 0,
      openReads: 0,
      timer: undefined,
      begin: (thread) => {
        clearTimeout(call.timer);
        const sent = request();
        thread.postMessage(sent, [sent.heads.buffer]);
        arm(call);
      },
      finish: resolve,
    };
    current = call;
    const thread = open();
    thread.ref();
    const late = `did not load within ${limits.startMs} ms`;
    if (isReady) call.begin(thread);
    else call.timer = setTimeout(() => drop({ kind: 'failed', reason: late }), limits.startMs);
    const outcome = await promise;
    current = undefined;
    clearTimeout(call.timer);
    worker?.unref();
    idleTimer = setTimeout(drop, limits.idleMs);
    idleTimer.unref();
    return outcome;
  };

  return {
    call(hook, artifact, inspected) {
      const next = last.then(() => run(hook, artifact, inspected));
      last = next.catch(() => undefined);
      return next;
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(idleTimer);
      const ended = worker;
      drop({ kind: 'failed', reason: 'was stopped with the server' });
      await ended?.terminate();
    },
  };
}

function toFacts({ slot, path, mediaType, sizeBytes, sha256 }: BlobView): BlobFacts {
  return { slot, path, mediaType, sizeBytes, sha256 };
}

function toInspect(inspected: readonly InspectedBlob[]) {
  return {
    inspected: inspected.map(({ blob }) => toFacts(blob)),
    heads: joinHeads(inspected),
    headBytes: inspected.map(({ head }) => head.length),
  };
}

type HookRead = Extract<FromWorker, { kind: 'read' }>;

function bytesLeft(call: Call, { turn }: HookRead): number {
  return call.bytesLeft[turn] ?? 0;
}

function readProblem(call: Call, message: HookRead, limits: HookLimits): string | undefined {
  const { blob, offset, length } = message;
  if (call.viewOf(blob) === undefined) return 'there is no such blob';
  if (!Number.isSafeInteger(offset) || offset < 0) return `offset ${offset} is no place in a blob`;
  if (!Number.isSafeInteger(length) || length < 0 || length > limits.readBytes) {
    return `length ${length} is not between 0 and ${limits.readBytes}`;
  }
  return length > bytesLeft(call, message) ? `a hook reads at most ${limits.callBytes} bytes a call` : undefined;
}
