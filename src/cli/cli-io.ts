/** What a command may touch of its process: where it writes, what it was given, and when it has to stop. */
import { fstatSync, writeFileSync } from 'node:fs';
import type { Patience } from './retry.ts';

export interface CliIo {
  /** Results; nothing else goes there, so that a script can read it. */
  readonly out: (text: string) => void;
  /** Errors, warnings and progress. */
  readonly err: (text: string) => void;
  /** Progress is drawn only on a terminal. */
  readonly isTerminal: boolean;
  /** How wide the terminal is now. */
  readonly columns?: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** How long a transfer that breaks is tried again. */
  readonly patience?: Omit<Patience, 'signal'>;
}

export function processIo(signal: AbortSignal): CliIo {
  return {
    out: fstatSync(process.stdout.fd).isFile() ? writeToFile : (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
    get columns() {
      return process.stderr.columns;
    },
    env: process.env,
    cwd: process.cwd(),
    signal,
  };
}

/** A stream writes to a file once, and leaves out without a word what a full disk did not take. */
function writeToFile(text: string): void {
  try {
    writeFileSync(process.stdout.fd, text);
  } catch (error) {
    process.stdout.emit('error', error);
  }
}

/** A result as JSON, for scripts: two spaces, one final newline. */
export function printJson(io: CliIo, value: unknown): void {
  io.out(`${JSON.stringify(value, null, 2)}\n`);
}

/** One line of a result for a reader: whatever it quotes stays within it. */
export function printLine(io: CliIo, text: string): void {
  io.out(`${oneLine(text)}\n`);
}

/** The same beside results. */
export function printNote(io: CliIo, text: string): void {
  io.err(`${oneLine(text)}\n`);
}

/** What others wrote may hold line breaks and terminal escapes; neither belongs into one line of a terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trimEnd();
}

/** Rows as columns that line up, under their headings. */
export function printTable(io: CliIo, headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [headings, ...rows].map((row) => row.map(oneLine));
  const widths = headings.map((_, column) => Math.max(...all.map((row) => Array.from(row[column] ?? '').length)));
  for (const row of all) {
    const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - Array.from(cell).length));
    printLine(io, cells.join('  '));
  }
}

/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
