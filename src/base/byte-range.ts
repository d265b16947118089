/** The Range header of a GET, by RFC 9110 section 14, against a representation of known size. */

/** `start` and `end` are inclusive, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** At least one range, none of which overlaps or touches another. */
export type ByteRangeSet = readonly [ByteRange, ...ByteRange[]];

/** More ranges than this in one header are ignored: they cost more than the whole. */
const byteRangesMax = 32;

const specPattern = /^(\d*)-(\d*)$/;

/**
 * 'ignored' where RFC 9110 has the whole served: no header, another unit, not the grammar, too many ranges. 'unsatisfiable'
 * where no range has a byte in it (416). Ranges that overlap or touch are joined, and then stand in ascending order; others
 * keep the order asked for.
 */
export function parseRangeHeader(header: string | undefined, sizeBytes: number): ByteRangeSet | 'ignored' | 'unsatisfiable' {
  const match = /^\s*bytes\s*=(.*)$/i.exec(header ?? '');
  if (match === null) return 'ignored';
  const specs = (match[1] ?? '').split(',').map((spec) => spec.trim());
  const named = specs.filter((spec) => spec !== '');
  if (named.length === 0 || named.length > byteRangesMax) return 'ignored';
  const ranges: ByteRange[] = [];
  for (const spec of named) {
    const range = parseSpec(spec, sizeBytes);
    if (range === 'malformed') return 'ignored';
    if (range !== undefined) ranges.push(range);
  }
  const [first, ...rest] = joined(ranges);
  return first === undefined ? 'unsatisfiable' : [first, ...rest];
}

/** Undefined when it has no byte in it. */
function parseSpec(spec: string, sizeBytes: number): ByteRange | undefined | 'malformed' {
  const match = specPattern.exec(spec);
  if (match === null) return 'malformed';
  const [, first = '', last = ''] = match;
  if (first === '') {
    if (last === '') return 'malformed';
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? undefined : { start: sizeBytes - length, end: sizeBytes - 1 };
  }
  const start = Number(first);
  if (last !== '' && isLower(last, first)) return 'malformed';
  if (start >= sizeBytes) return undefined;
  return { start, end: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) };
}

/** Compares digits of any length: as numbers, very long ones would be equal. */
function isLower(a: string, b: string): boolean {
  return BigInt(a) < BigInt(b);
}

function joined(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const result: ByteRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const previous = result.at(-1);
    if (previous === undefined || range.start > previous.end + 1) result.push(range);
    else result[result.length - 1] = { start: previous.start, end: Math.max(previous.end, range.end) };
  }
  return result.length === ranges.length ? ranges : result;
}
