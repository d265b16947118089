/** Free text that callers give along with a change: why it was made, what to use instead. */
import type { JsonObject } from '#base/json.ts';
import { inputFault } from './name-artifact.ts';

const textLengthMax = 1000;

/** The detail of an audit row; empty where no reason was given. @throws AppError INPUT_INVALID */
export function checkReason(reason: string | null | undefined): JsonObject {
  const text = checkText(reason, '/reason');
  return text === null ? {} : { reason: text };
}

/** The text, null for none. @throws AppError INPUT_INVALID */
export function checkText(text: string | null | undefined, pointer: string): string | null {
  if (text === undefined || text === null || text === '') return null;
  if (text.length > textLengthMax) throw inputFault(pointer, `is longer than ${textLengthMax} characters`);
  if (text.includes('\u0000') || !text.isWellFormed()) throw inputFault(pointer, 'is not plain text');
  return text;
}
