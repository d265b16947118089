/** What every benchmark prints: the machine, medians, ratios against a reference of the same run, and whether targets are met. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export interface Target {
  readonly name: string;
  readonly value: number;
  /** The value must be at least, or at most, this. */
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit?: string;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function printMachine(): void {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const load = loadavg()[0]?.toFixed(1);
  console.log(`machine: ${availableParallelism()} × ${cpus()[0]?.model}, ${memory} GiB, node ${process.version}, load ${load}`);
}

/** One line per series: its median and all of its values. */
export function printSeries(name: string, values: readonly number[], unit: string): void {
  console.log(`${name}: ${format(median(values))} ${unit}  (${values.map(format).join(', ')})`);
}

/** One line per target; the process ends with code 1 when one is missed. */
export function printTargets(targets: readonly Target[]): void {
  for (const { name, value, atLeast, atMost, unit = '' } of targets) {
    const isMet = (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
    const bound = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
    console.log(`${isMet ? 'met   ' : 'MISSED'} ${name}: ${format(value)}${unit} (${bound}${unit})`);
    if (!isMet) process.exitCode = 1;
  }
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}
