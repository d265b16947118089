/**
 * One comparator set of a range (no `||`) as plain comparators: hyphens, x-ranges, tildes and carets written out as node-semver
 * does in strict mode. Text that node-semver takes only because of how it replaces text (`1.2.3*`, `1 - v 2`) is refused.
 */
import { versionLengthMax } from './version.ts';

export interface Comparator {
  readonly operator: '<' | '<=' | '=' | '>' | '>=';
  readonly major: string;
  readonly minor: string;
  readonly patch: string;
  readonly prerelease: readonly string[];
}

/** A version whose parts may be missing or `x`, written as null. */
interface PartialVersion {
  /** The `v` and `=` before it. */
  readonly prefix: string;
  readonly major: string | null;
  readonly minor: string | null;
  readonly patch: string | null;
  readonly prerelease: readonly string[];
}

const number = '(?:0|[1-9][0-9]*)';
const xr = `${number}|[xX*]`;
const identifier = `(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*|${number})`;
const partial = `([v=]*)(${xr})(?:\\.(${xr})(?:\\.(${xr})(?:-(${identifier}(?:\\.${identifier})*))?)?)?`;
const partialPattern = new RegExp(`^${partial}$`);
const simplePattern = /^(\^|~>?|[<>]=?|=)? ?(.+)$/;
const buildPattern = /\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*/g;

/** Undefined when the text is not a set; [] when it takes any release. `text` has its white space collapsed and trimmed. */
export function parseComparators(text: string): readonly Comparator[] | undefined {
  const plain = text.replace(buildPattern, '').trim();
  const ends = plain.split(' - ');
  if (ends.length === 2) return hyphen(ends[0] ?? '', ends[1] ?? '');
  if (ends.length > 2) return undefined;
  const comparators: Comparator[] = [];
  for (const simple of splitSimples(plain)) {
    const more = parseSimple(simple);
    if (more === undefined) return undefined;
    comparators.push(...more);
  }
  return comparators;
}

/** An operator may stand apart from its version by one space; any other space separates. */
function splitSimples(text: string): readonly string[] {
  const simples: string[] = [];
  let pending = '';
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const isOperator = /^(?:\^|~>?|[<>]=?|=)$/.test(word) && pending === '';
    if (isOperator) pending = word;
    else {
      simples.push(pending + word);
      pending = '';
    }
  }
  return pending === '' ? simples : [...simples, pending];
}

function parseSimple(text: string): readonly Comparator[] | undefined {
  const match = simplePattern.exec(text);
  const at = match === null ? undefined : parsePartial(match[2] ?? '');
  if (match === null || at === undefined) return undefined;
  const operator = match[1] ?? '';
  if (operator === '^') return caret(at);
  if (operator.startsWith('~')) return tilde(at);
  return primitive(operator, at);
}

function parsePartial(text: string): PartialVersion | undefined {
  const match = text.length > versionLengthMax ? null : partialPattern.exec(text);
  if (match === null) return undefined;
  const [, prefix = '', major, minor, patch, prerelease] = match;
  return {
    prefix,
    major: numberOrX(major),
    minor: numberOrX(minor),
    patch: numberOrX(patch),
    prerelease: prerelease?.split('.') ?? [],
  };
}

function numberOrX(text: string | undefined): string | null {
  return text === undefined || text === 'x' || text === 'X' || text === '*' ? null : text;
}

/** `~1.2.3` lets the patch grow, `~1` the minor too. */
function tilde(at: PartialVersion): readonly Comparator[] {
  if (at.major === null) return [];
  if (at.minor === null) return [...from(at.major), below(increment(at.major))];
  if (at.patch === null) return [...from(at.major, at.minor), below(at.major, increment(at.minor))];
  return [...from(at.major, at.minor, at.patch, at.prerelease), below(at.major, increment(at.minor))];
}

/** `^1.2.3` keeps the left-most part that is not zero. */
function caret(at: PartialVersion): readonly Comparator[] {
  if (at.major === null) return [];
  if (at.minor === null) return [...from(at.major), below(increment(at.major))];
  const low = from(at.major, at.minor, at.patch ?? '0', at.patch === null ? [] : at.prerelease);
  if (at.major !== '0') return [...low, below(increment(at.major))];
  if (at.minor !== '0' || at.patch === null) return [...low, below(at.major, increment(at.minor))];
  return [...low, below(at.major, at.minor, increment(at.patch))];
}

function primitive(operator: string, at: PartialVersion): readonly Comparator[] | undefined {
  // `1.x.3` says two things at once.
  if ((at.major === null && at.minor !== null) || (at.minor === null && at.patch !== null)) return undefined;
  if (at.major === null) return operator === '<' || operator === '>' ? [nothing] : [];
  if (at.minor !== null && at.patch !== null) return full(operator, at, at.major, at.minor, at.patch);
  const next = at.minor === null ? [increment(at.major)] : [at.major, increment(at.minor)];
  const [major = '0', minor = '0'] = next;
  const low = [at.major, at.minor ?? '0'] as const;
  switch (operator) {
    case '>':
      return from(major, minor);
    case '>=':
      return from(...low);
    case '<':
      return [below(...low)];
    case '<=':
      return [below(major, minor)];
    default:
      return [...from(...low), below(major, minor)];
  }
}

/** A whole version takes one `v` before it, and no second `=`. */
function full(
  operator: string,
  at: PartialVersion,
  major: string,
  minor: string,
  patch: string,
): readonly Comparator[] | undefined {
  const prefix = operator === '' && at.prefix.startsWith('=') ? at.prefix.slice(1) : at.prefix;
  if (prefix !== '' && prefix !== 'v') return undefined;
  if (operator === '>=' && prefix === '') return from(major, minor, patch, at.prerelease);
  const known = operator === '<' || operator === '<=' || operator === '>' || operator === '>=' ? operator : '=';
  return [{ operator: known, major, minor, patch, prerelease: at.prerelease }];
}

/** `1.2 - 2.3` takes all of 2.3; `1.2.3 - 2.3.4` ends at 2.3.4. */
function hyphen(fromText: string, toText: string): readonly Comparator[] | undefined {
  const low = parsePartial(fromText);
  const high = parsePartial(toText);
  if (low === undefined || high === undefined) return undefined;
  const lower = hyphenLow(low);
  const upper = hyphenHigh(high);
  return lower === undefined || upper === undefined ? undefined : [...lower, ...upper];
}

function hyphenLow({ prefix, major, minor, patch, prerelease }: PartialVersion): readonly Comparator[] | undefined {
  if (major === null) return [];
  if (minor === null) return from(major);
  if (patch === null) return from(major, minor);
  if (prefix === '') return from(major, minor, patch, prerelease);
  return prefix === 'v' ? [{ operator: '>=', major, minor, patch, prerelease }] : undefined;
}

function hyphenHigh({ prefix, major, minor, patch, prerelease }: PartialVersion): readonly Comparator[] | undefined {
  if (major === null) return [];
  if (minor === null) return [below(increment(major))];
  if (patch === null) return [below(major, increment(minor))];
  if (prerelease.length === 0 && prefix !== '' && prefix !== 'v') return undefined;
  return [{ operator: '<=', major, minor, patch, prerelease }];
}

/** At least this version; nothing for 0.0.0, which node-semver reads as `*` (so it does not shut out prereleases of 0.0.0). */
function from(major: string, minor = '0', patch = '0', prerelease: readonly string[] = []): readonly Comparator[] {
  if (major === '0' && minor === '0' && patch === '0' && prerelease.length === 0) return [];
  return [{ operator: '>=', major, minor, patch, prerelease }];
}

/** Below this version and below all its prereleases: the `-0` bound. */
function below(major: string, minor = '0', patch = '0'): Comparator {
  return { operator: '<', major, minor, patch, prerelease: ['0'] };
}

const nothing = below('0');

/** One more, on decimal digits of any length. */
function increment(digits: string): string {
  const nines = /9*$/.exec(digits)?.[0].length ?? 0;
  const head = digits.slice(0, digits.length - nines);
  const raised = head === '' ? '1' : head.slice(0, -1) + String(Number(head.slice(-1)) + 1);
  return raised + '0'.repeat(nines);
}
