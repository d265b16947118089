/** Bytes that wait in memory, as few pieces, whatever they come in: each piece would cost a buffer, and a write of its own. */

// As many as small uploads come in; beyond, bytes are copied together.
const piecesMax = 64;

export interface HeldPieces {
  readonly sizeBytes: number;
  /** Keeps the chunk itself while there are few. */
  push(chunk: Uint8Array): void;
  /** In order. Later ones may lie in the same memory, never over these. */
  pieces(): readonly Uint8Array[];
  clear(): void;
}

export function createHeldPieces(): HeldPieces {
  let few: Uint8Array[] = [];
  let gathered: Buffer | undefined;
  let sizeBytes = 0;

  /** Doubles, so that each byte is copied about twice. */
  function makeRoom(neededBytes: number): Buffer {
    if (gathered !== undefined && gathered.length >= neededBytes) return gathered;
    const larger = Buffer.allocUnsafe(2 * neededBytes);
    let end = 0;
    for (const piece of pieces()) {
      larger.set(piece, end);
      end += piece.length;
    }
    few = [];
    gathered = larger;
    return larger;
  }

  const pieces = (): readonly Uint8Array[] => (gathered === undefined ? few : [gathered.subarray(0, sizeBytes)]);

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    push(chunk) {
      if (gathered === undefined && few.length < piecesMax) few.push(chunk);
      else makeRoom(sizeBytes + chunk.length).set(chunk, sizeBytes);
      sizeBytes += chunk.length;
    },
    pieces,
    clear() {
      few = [];
      gathered = undefined;
      sizeBytes = 0;
    },
  };
}
