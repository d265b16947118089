/** One hash thread: reads pieces of shared rings, for several transfers at once, in the order they are announced. */
import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Main thread to worker. `ring` gives a transfer other memory, or none while nothing comes; `piece` names bytes of it, and
 * `counter` is where its readers count down. Between `mark` and `settle` lies one request: its bytes may have a checksum of
 * their own, and are taken back unless they are kept.
 */
export type WorkerOrder =
  | { readonly kind: 'begin'; readonly transfer: number }
  | { readonly kind: 'ring'; readonly transfer: number; readonly ring: SharedArrayBuffer | undefined }
  | {
      readonly kind: 'piece';
      readonly transfer: number;
      readonly piece: number;
      readonly offset: number;
      readonly length: number;
      readonly counter: number;
    }
  | { readonly kind: 'mark'; readonly transfer: number; readonly checksum: string }
  | { readonly kind: 'check'; readonly transfer: number }
  | { readonly kind: 'settle'; readonly transfer: number; readonly isKept: boolean }
  | { readonly kind: 'finish'; readonly transfer: number }
  | { readonly kind: 'drop'; readonly transfer: number };

/** Worker to main thread. Of several workers only the last to read a piece answers, and only one computes a checksum. */
export type WorkerAnswer =
  | { readonly kind: 'read'; readonly transfer: number; readonly piece: number }
  | { readonly kind: 'checksum'; readonly transfer: number; readonly checksum: string }
  | { readonly kind: 'digest'; readonly transfer: number; readonly digest: string };

interface Transfer {
  hash: Hash;
  ring: { readonly bytes: Uint8Array; readonly counters: Int32Array } | undefined;
  marked: { readonly hash: Hash; readonly check: Hash | undefined } | undefined;
}

const transfers = new Map<number, Transfer>();
const algorithm = String(workerData);

parentPort?.on('message', (order: WorkerOrder) => {
  if (order.kind === 'begin') {
    transfers.set(order.transfer, { hash: createHash(algorithm), ring: undefined, marked: undefined });
    return;
  }
  const transfer = transfers.get(order.transfer);
  if (transfer !== undefined) follow(transfer, order);
});

function follow(transfer: Transfer, order: Exclude<WorkerOrder, { kind: 'begin' }>): void {
  switch (order.kind) {
    case 'ring':
      transfer.ring =
        order.ring === undefined ? undefined : { bytes: new Uint8Array(order.ring), counters: new Int32Array(order.ring) };
      return;
    case 'piece':
      readPiece(transfer, order);
      return;
    case 'mark':
      transfer.marked = {
        hash: transfer.hash.copy(),
        check: isOwnDuty(order.checksum) ? createHash(order.checksum) : undefined,
      };
      return;
    case 'check':
      if (transfer.marked?.check === undefined) return;
      answer({ kind: 'checksum', transfer: order.transfer, checksum: transfer.marked.check.digest('hex') });
      return;
    case 'settle':
      if (!order.isKept && transfer.marked !== undefined) transfer.hash = transfer.marked.hash;
      transfer.marked = undefined;
      return;
    case 'finish':
      transfers.delete(order.transfer);
      answer({ kind: 'digest', transfer: order.transfer, digest: transfer.hash.digest('hex') });
      return;
    case 'drop':
      transfers.delete(order.transfer);
  }
}

function readPiece({ hash, ring, marked }: Transfer, order: Extract<WorkerOrder, { kind: 'piece' }>): void {
  if (ring === undefined) return;
  const bytes = ring.bytes.subarray(order.offset, order.offset + order.length);
  hash.update(bytes);
  marked?.check?.update(bytes);
  // sub answers the value before: 1 means that this was the last reader.
  if (Atomics.sub(ring.counters, order.counter, 1) === 1) {
    answer({ kind: 'read', transfer: order.transfer, piece: order.piece });
  }
}

// The thread of the same algorithm; that of sha256 has the least to do where processors have instructions for it.
function isOwnDuty(checksum: string): boolean {
  return algorithm === (checksum === 'sha1' ? 'sha256' : checksum);
}

function answer(message: WorkerAnswer): void {
  parentPort?.postMessage(message);
}
