/** Random UUIDv4 ids; tests pass a source of their own. */
import { randomUUID } from 'node:crypto';

export type NewId = () => string;

export const randomId: NewId = () => randomUUID();

/**
 * The same id with the time in front, as UUIDv7 has it (RFC 9562 section 5.7): what is made together is found together in an index. For
 * ids that are for rows only; those of artifacts are random.
 */
export function orderedId(id: string, atMs: number): string {
  const time = atMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${id.slice(15)}`;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for a lower-case UUID in RFC 9562 text form. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
