/** Progress on a terminal: a line for each transfer that runs, with rate and time left; nothing where nobody watches. */
import { type CliIo, formatBytes, oneLine } from './cli-io.ts';

/** One transfer. */
export interface Task {
  /** So many bytes more. */
  add(bytes: number): void;
  /** So many bytes in all, after going on somewhere or starting again. */
  at(bytes: number): void;
  /** Says what it waits for, instead of how fast it is. */
  note(text: string): void;
  /** Its line stays, with this word at its end; without one it goes. */
  end(word?: string): void;
}

export interface Progress {
  begin(label: string, totalBytes: number): Task;
  /** Clears what is drawn; lines of ended tasks stay. */
  end(): void;
}

interface Line {
  readonly label: string;
  readonly totalBytes: number;
  /** When, and where, what is measured began: what an earlier run sent says nothing of the rate. */
  startedAt: number;
  baseBytes: number;
  doneBytes: number;
  note: string;
}

const drawEveryMs = 200;
const labelLengthMax = 30;
const defaultColumns = 80;

/** @param now milliseconds, of a clock that only goes forward */
export function createProgress(io: CliIo, now: () => number = () => performance.now()): Progress {
  const lines = new Set<Line>();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawnCount = 0;
  const crop = (text: string) => text.slice(0, Math.max(20, (io.columns ?? defaultColumns) - 1));
  const draw = (ended?: string) => {
    if (!io.isTerminal || (ended === undefined && now() - drawnAt < drawEveryMs)) return;
    drawnAt = now();
    const texts = [...lines].map((line) => crop(progressLine(line, now())));
    const up = drawnCount === 0 ? '' : `\u001b[${drawnCount}A`;
    io.err(`${up}\r\u001b[J${[...(ended === undefined ? [] : [crop(ended)]), ...texts].map((text) => `${text}\n`).join('')}`);
    drawnCount = texts.length;
  };
  return {
    begin(label, totalBytes) {
      const line: Line = { label: toLabel(label), totalBytes, startedAt: now(), baseBytes: 0, doneBytes: 0, note: '' };
      lines.add(line);
      draw();
      return {
        add(bytes) {
          line.doneBytes += bytes;
          line.note = '';
          draw();
        },
        at(bytes) {
          line.startedAt = now();
          line.baseBytes = bytes;
          line.doneBytes = bytes;
          draw();
        },
        note(text) {
          line.note = text;
          draw();
        },
        end(word) {
          if (!lines.delete(line)) return;
          if (word !== undefined) draw(`${line.label}  ${formatBytes(line.totalBytes)}  ${word}`);
          else draw();
        },
      };
    },
    end() {
      lines.clear();
      if (io.isTerminal && drawnCount > 0) io.err(`\u001b[${drawnCount}A\r\u001b[J`);
      drawnCount = 0;
    },
  };
}

/** The same chunks, counted as they pass. */
export async function* counted(source: AsyncIterable<Uint8Array>, task: Pick<Task, 'add'>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    task.add(chunk.length);
    yield chunk;
  }
}

/** `disk.img   42%  1.2 GiB of 2.9 GiB  240.1 MiB/s  0:07 left`. */
export function progressLine(
  line: Pick<Line, 'label' | 'totalBytes' | 'startedAt' | 'baseBytes' | 'doneBytes' | 'note'>,
  now: number,
): string {
  const { label, totalBytes, doneBytes, note } = line;
  const share = totalBytes === 0 ? 100 : Math.min(100, Math.floor((100 * doneBytes) / totalBytes));
  const sizes = `${label}  ${share}%  ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
  if (note !== '') return `${sizes}  ${note}`;
  const elapsedMs = now - line.startedAt;
  const bytesPerSecond = elapsedMs <= 0 ? 0 : (1000 * Math.max(0, doneBytes - line.baseBytes)) / elapsedMs;
  const left = bytesPerSecond === 0 ? '-' : formatSeconds(Math.ceil(Math.max(0, totalBytes - doneBytes) / bytesPerSecond));
  return `${sizes}  ${formatBytes(Math.round(bytesPerSecond))}/s  ${left} left`;
}

/** The end of a path tells more than its beginning; nothing of a file's name moves the cursor. */
function toLabel(text: string): string {
  const safe = oneLine(text);
  return safe.length > labelLengthMax ? `…${safe.slice(1 - labelLengthMax)}` : safe;
}

function formatSeconds(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, '0');
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, '0')}:${rest}`;
}
