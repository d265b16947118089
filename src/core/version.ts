/** Versions are SemVer 2.0.0 exactly, with numbers of any size, and carry a text key whose byte order is SemVer's precedence. */
import { AppError } from '#base/app-error.ts';

export interface Version {
  /** As written, build metadata included. */
  readonly text: string;
  /** Canonical decimal digits, of any length. */
  readonly major: string;
  readonly minor: string;
  readonly patch: string;
  readonly prerelease: readonly string[];
  readonly build: readonly string[];
  /** ASCII; compared byte by byte (COLLATE "C") it orders as SemVer does. Equal for versions that differ in build only. */
  readonly key: string;
  /** `major.minor.patch`. */
  readonly core: string;
  readonly isRelease: boolean;
}

/** Longest version text, in characters. */
export const versionLengthMax = 256;

const number = '(?:0|[1-9][0-9]*)';
const prereleaseIdentifier = `(?:${number}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`;
const buildIdentifier = '[0-9A-Za-z-]+';
/** SemVer 2.0.0, the grammar's own expression, anchored. */
const versionPattern = new RegExp(
  `^(${number})\\.(${number})\\.(${number})` +
    `(?:-(${prereleaseIdentifier}(?:\\.${prereleaseIdentifier})*))?` +
    `(?:\\+(${buildIdentifier}(?:\\.${buildIdentifier})*))?$`,
);
const digitsPattern = /^[0-9]+$/;

/** Undefined for anything that is not SemVer 2.0.0, or is longer than 256 characters. A leading `v` or `=` is not SemVer. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > versionLengthMax) return undefined;
  const match = versionPattern.exec(text);
  if (match === null) return undefined;
  const [, major = '', minor = '', patch = '', prereleaseText, buildText] = match;
  const prerelease = prereleaseText?.split('.') ?? [];
  return {
    text,
    major,
    minor,
    patch,
    prerelease,
    build: buildText?.split('.') ?? [],
    key: versionKey(major, minor, patch, prerelease),
    core: `${major}.${minor}.${patch}`,
    isRelease: prerelease.length === 0,
  };
}

/** @throws AppError VERSION_INVALID */
export function assertVersion(text: string): Version {
  const version = parseVersion(text);
  if (version !== undefined) return version;
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  const why = text.length > versionLengthMax ? `is longer than ${versionLengthMax} characters` : 'is not SemVer 2.0.0';
  throw new AppError('VERSION_INVALID', `The version ${JSON.stringify(shown)} ${why}.`);
}

/** Negative, zero or positive, by SemVer 2.0.0 section 11; build metadata does not count. */
export function compareVersions(a: Version, b: Version): number {
  return (
    compareDigits(a.major, b.major) ||
    compareDigits(a.minor, b.minor) ||
    compareDigits(a.patch, b.patch) ||
    comparePrereleases(a.prerelease, b.prerelease)
  );
}

/**
 * The sort key. Each number is prefixed by its length (see `digitsKey`), so the three of the core need no separator. Then `~`
 * for a release, or `-` and the identifiers: `#` and a number, or `$`, the text and `!`. `-` < `~`, `#` < `$`, and `!` is
 * below every character of an identifier; a list that ends early is a prefix, which sorts first.
 */
export function versionKey(major: string, minor: string, patch: string, prerelease: readonly string[]): string {
  const core = digitsKey(major) + digitsKey(minor) + digitsKey(patch);
  if (prerelease.length === 0) return `${core}~`;
  return `${core}-${prerelease.map(identifierKey).join('')}`;
}

function identifierKey(identifier: string): string {
  return digitsPattern.test(identifier) ? `#${digitsKey(identifier)}` : `$${identifier}!`;
}

/**
 * Digits with their count before them: one digit up to nine of them; from ten on the count's own length as a letter (b for 2,
 * c for 3 …), which sorts above the digits.
 */
function digitsKey(digits: string): string {
  const count = String(digits.length);
  const prefix = count.length === 1 ? '' : String.fromCharCode(0x60 + count.length);
  return prefix + count + digits;
}

function compareDigits(a: string, b: string): number {
  return a.length - b.length || compareText(a, b);
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) return 1;
    const order = compareIdentifiers(left, right);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareIdentifiers(a: string, b: string): number {
  const aIsNumber = digitsPattern.test(a);
  const bIsNumber = digitsPattern.test(b);
  if (aIsNumber && bIsNumber) return compareDigits(a, b);
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  return compareText(a, b);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
