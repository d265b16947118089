/** One hash thread: reads pieces of shared rings, for several transfers at once, in the order they are announced. */
import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

/** Main thread to worker. `piece` names bytes of the transfer's ring; `counter` is where its readers count down. */
export type WorkerOrder =
  | { readonly kind: 'begin'; readonly transfer: number; readonly ring: SharedArrayBuffer }
  | {
      readonly kind: 'piece';
      readonly transfer: number;
      readonly offset: number;
      readonly length: number;
      readonly counter: number;
    }
  | { readonly kind: 'finish'; readonly transfer: number }
  | { readonly kind: 'drop'; readonly transfer: number };

/** Worker to main thread. Of several workers only the last to read a piece answers. */
export type WorkerAnswer =
  | { readonly kind: 'read'; readonly transfer: number; readonly counter: number }
  | { readonly kind: 'digest'; readonly transfer: number; readonly digest: string };

interface Transfer {
  readonly hash: Hash;
  readonly bytes: Uint8Array;
  readonly counters: Int32Array;
}

const transfers = new Map<number, Transfer>();
const algorithm = String(workerData);

parentPort?.on('message', (order: WorkerOrder) => {
  const transfer = transfers.get(order.transfer);
  switch (order.kind) {
    case 'begin':
      transfers.set(order.transfer, {
        hash: createHash(algorithm),
        bytes: new Uint8Array(order.ring),
        counters: new Int32Array(order.ring),
      });
      return;
    case 'piece':
      if (transfer === undefined) return;
      transfer.hash.update(transfer.bytes.subarray(order.offset, order.offset + order.length));
      // sub answers the value before: 1 means that this was the last reader.
      if (Atomics.sub(transfer.counters, order.counter, 1) === 1) {
        answer({ kind: 'read', transfer: order.transfer, counter: order.counter });
      }
      return;
    case 'finish':
      if (transfer === undefined) return;
      transfers.delete(order.transfer);
      answer({ kind: 'digest', transfer: order.transfer, digest: transfer.hash.digest('hex') });
      return;
    case 'drop':
      transfers.delete(order.transfer);
  }
});

function answer(message: WorkerAnswer): void {
  parentPort?.postMessage(message);
}
