/** Object keys: random, used once, and safe as a file name and as an S3 key on every system. */
import { randomBytes } from 'node:crypto';

// Lower case only (some file systems fold case), no dot and no slash (no traversal, no clash with a driver's own names).
const keyPattern = /^[a-z0-9][a-z0-9-]{14,98}[a-z0-9]$/;

/** A new key: 128 random bits as lower-case hex, so that its first characters spread evenly over folders and partitions. */
export function newObjectKey(): string {
  return randomBytes(16).toString('hex');
}

/** True for 16 to 100 lower-case letters, digits and inner dashes; UUIDs and hex fit. */
export function isObjectKey(key: string): boolean {
  return keyPattern.test(key);
}

/** Returns the key. @throws TypeError: keys are made by this program, so a bad one is a programming mistake */
export function assertObjectKey(key: string): string {
  if (!isObjectKey(key)) throw new TypeError(`not an object key: ${JSON.stringify(key.slice(0, 120))}`);
  return key;
}

/** The key of one of several objects that are written together: others can tell by it whose they are. */
export function memberKey(key: string, index: number): string {
  return `${key}-${index}`;
}
