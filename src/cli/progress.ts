/** Progress of a transfer: one line on a terminal, with rate and time left; nothing where nobody watches. */
import { type CliIo, formatBytes } from './cli-io.ts';

export interface Progress {
  /** Names what is transferred now. */
  begin(label: string): void;
  /** Counts so many bytes more. */
  add(bytes: number): void;
  /** Clears the line. */
  end(): void;
}

const drawEveryMs = 200;
const labelLengthMax = 30;

/** @param now milliseconds, of a clock that only goes forward */
export function createProgress(io: CliIo, totalBytes: number, now: () => number = () => performance.now()): Progress {
  const startedAt = now();
  let doneBytes = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let label = '';
  const draw = () => {
    if (!io.isTerminal || now() - drawnAt < drawEveryMs) return;
    drawnAt = now();
    io.err(`\r\u001b[K${progressLine(label, doneBytes, totalBytes, now() - startedAt)}`);
  };
  return {
    begin(text) {
      label = text.length > labelLengthMax ? `…${text.slice(1 - labelLengthMax)}` : text;
      draw();
    },
    add(bytes) {
      doneBytes += bytes;
      draw();
    },
    end() {
      if (io.isTerminal) io.err('\r\u001b[K');
    },
  };
}

/** The same chunks, counted as they pass. */
export async function* counted(source: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    progress.add(chunk.length);
    yield chunk;
  }
}

/** `disk.img   42%  1.2 GiB of 2.9 GiB  240.1 MiB/s  0:07 left`. */
export function progressLine(label: string, doneBytes: number, totalBytes: number, elapsedMs: number): string {
  const share = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const bytesPerSecond = elapsedMs === 0 ? 0 : (1000 * doneBytes) / elapsedMs;
  const rate = `${formatBytes(Math.round(bytesPerSecond))}/s`;
  const left = bytesPerSecond === 0 ? '-' : formatSeconds(Math.ceil(Math.max(0, totalBytes - doneBytes) / bytesPerSecond));
  const safeLabel = label.replace(/\p{Cc}/gu, '?');
  return `${safeLabel}  ${share}%  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}  ${rate}  ${left} left`;
}

function formatSeconds(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, '0');
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, '0')}:${rest}`;
}
