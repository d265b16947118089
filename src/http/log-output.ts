/**
 * Where the log's lines go: they are gathered, and written beside requests. What cannot be written is dropped: a full disk, or a
 * terminal that is gone, costs lines, and never holds up or ends the server.
 */
import { write, writeSync } from 'node:fs';

export interface LogOutput extends Disposable {
  write(lines: string): void;
}

/** Gathered, for a write costs more than all the rest of a line, but never for longer than this. */
const gatheredMs = 250;
const gatheredMax = 65_536;

/** What waits for a reader that is slow; lines beyond are dropped. */
const heldMax = 16 * 1024 * 1024;

/** A pipe that is full is tried again; at the end of the process not for ever. */
const busyMs = 20;
const lastTries = 50;

/** Disposing it, and the end of the process, write what is still held. */
export function openLogOutput(fd: number): LogOutput {
  let held = '';
  let isSending = false;
  let isClosed = false;
  const take = (): Buffer => {
    const taken = Buffer.from(held);
    held = '';
    return taken;
  };
  const send = (): void => {
    if (isSending || held === '') return;
    isSending = true;
    sendRest(take());
  };
  const sendRest = (rest: Buffer): void => {
    write(fd, rest, (error, count) => {
      const left = isBusy(error) ? rest : rest.subarray(error === null ? count : rest.length);
      if (isClosed) writeAll(fd, Buffer.concat([left, take()]));
      else if (left.length > 0) setTimeout(sendRest, busyMs, left);
      else {
        isSending = false;
        if (held.length >= gatheredMax) send();
      }
    });
  };
  const end = (): void => writeAll(fd, take());
  const gathering = setInterval(send, gatheredMs);
  gathering.unref();
  process.once('exit', end);
  return {
    write: (lines) => {
      if (held.length + lines.length > heldMax) return;
      held += lines;
      if (isClosed) end();
      else if (held.length >= gatheredMax) send();
    },
    [Symbol.dispose]: () => {
      isClosed = true;
      clearInterval(gathering);
      process.off('exit', end);
      // Else behind what is on its way, before whose end the process does not end either.
      if (!isSending) end();
    },
  };
}

function writeAll(fd: number, bytes: Buffer): void {
  let rest = bytes;
  for (let tried = 0; rest.length > 0 && tried < lastTries; tried += 1) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
      tried = 0;
    } catch (error) {
      if (!isBusy(error)) return;
      Atomics.wait(pause, 0, 0, busyMs);
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EINTR');
}
