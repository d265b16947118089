/** Cursors of lists: the sort values of one row, signed together with the list they belong to. */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { AppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';

export interface CursorList {
  /** The instance key: another instance's cursors are refused. */
  readonly key: Uint8Array;
  /** A hash of filter and order; a cursor is good for this list only. */
  readonly list: string;
}

const formatVersion = 1;
const macBytes = 16;
const cursorLengthMax = 8192;
const base64url = /^[A-Za-z0-9_-]+$/;

/** base64url of: format version (1 byte), MAC (16 bytes), values (JSON). */
export function encodeCursor({ key, list, values }: CursorList & { readonly values: readonly Json[] }): string {
  const payload = Buffer.from(JSON.stringify(values));
  return Buffer.concat([Buffer.of(formatVersion), macOf(key, list, payload), payload]).toString('base64url');
}

/** @throws AppError CURSOR_INVALID for anything that `encodeCursor` did not make for this very list */
export function decodeCursor(text: string, { key, list }: CursorList): Json[] {
  if (text.length > cursorLengthMax || !base64url.test(text)) throw new AppError('CURSOR_INVALID');
  const bytes = Buffer.from(text, 'base64url');
  const mac = bytes.subarray(1, 1 + macBytes);
  const payload = bytes.subarray(1 + macBytes);
  // Spare bits of the last character decode to the same bytes: only the one spelling that was handed out is good.
  const isOurs = bytes[0] === formatVersion && mac.length === macBytes && bytes.toString('base64url') === text;
  if (!isOurs || !timingSafeEqual(mac, macOf(key, list, payload))) throw new AppError('CURSOR_INVALID');
  return JSON.parse(payload.toString());
}

function macOf(key: Uint8Array, list: string, payload: Uint8Array): Buffer {
  const head = JSON.stringify(['vitrine cursor', formatVersion, list]);
  return createHmac('sha256', keyObjectOf(key)).update(head).update('\0').update(payload).digest().subarray(0, macBytes);
}

/** A key that is prepared once makes a MAC six times as fast. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

function keyObjectOf(key: Uint8Array): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  keyObjects.set(key, made);
  return made;
}
