/** Reads what PostgreSQL and its driver throw: which of it means that the database is away, and which row broke a rule. */
import { AppError } from '#base/app-error.ts';

/** The SQLSTATE, or the system's code (ECONNREFUSED …), of an error; undefined where it has none. */
export function databaseErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** True for a unique violation (23505), of the named constraint or index where one is given. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (databaseErrorCode(error) !== '23505') return false;
  return constraint === undefined || constraintOf(error) === constraint;
}

/** Deadlocks and serialization failures: the same transaction may succeed when it is run again. */
export function isRetryable(error: unknown): boolean {
  const code = databaseErrorCode(error);
  return code === '40001' || code === '40P01';
}

/** True where the driver gave a statement up: what became of it nobody knows, and the connection is of no use. */
export function isAnswerMissing(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** An AppError for what is nobody's mistake but the database's; everything else as it was. */
export function toDatabaseError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (databaseErrorCode(error) === readOnlyCode) return readOnly(error);
  if (isAway(error)) return new AppError('DATABASE_UNAVAILABLE', undefined, { cause: error });
  if (databaseErrorCode(error) === '57014') return new AppError('REQUEST_TIMEOUT', undefined, { cause: error });
  return error;
}

/** Raised by the triggers of read-only mode. */
const readOnlyCode = 'VT001';

function readOnly(error: unknown): AppError {
  const reason = typeof error === 'object' && error !== null && 'detail' in error ? error.detail : '';
  const detail = typeof reason === 'string' && reason !== '' ? `Vitrine is read-only: ${reason}` : undefined;
  return new AppError('READ_ONLY', detail, { cause: error });
}

const awayCodes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
  // Shutting down, crashed, starting up; no database of that name; read-only after a fail-over.
  ...['57P01', '57P02', '57P03', '57P05', '3D000', '25006'],
]);

// Connection, authentication and resources: SQLSTATE classes.
const awayClasses = new Set(['08', '28', '53', '58']);

// The driver throws plain errors for these.
const awayMessages =
  /^(Connection terminated|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Cannot use a pool after)/;

function isAway(error: unknown): boolean {
  const code = databaseErrorCode(error);
  // Prisma's own codes: P1… for the server and the connection to it, P2024 for a pool without a free one.
  if (code !== undefined && /^P(1\d{3}|2024)$/.test(code)) return true;
  if (code !== undefined) return awayCodes.has(code) || (code.length === 5 && awayClasses.has(code.slice(0, 2)));
  return error instanceof Error && awayMessages.test(error.message);
}

function constraintOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('constraint' in error)) return undefined;
  return typeof error.constraint === 'string' ? error.constraint : undefined;
}
