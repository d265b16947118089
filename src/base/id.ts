/** Random UUIDv4 ids; tests pass a source of their own. */
import { randomUUID } from 'node:crypto';

export type NewId = () => string;

export const randomId: NewId = () => randomUUID();

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for a lower-case UUID in RFC 9562 text form. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
