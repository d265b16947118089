/** A statement as part of the trace: its name or first word, never its values. */
import { inSpan, isTracing } from '#base/tracing.ts';
import type { Statement } from './database.ts';

export function inStatementSpan<Result>({ name, text }: Statement, send: () => Promise<Result>): Promise<Result> {
  if (!isTracing()) return send();
  const operation = text.trimStart().split(/\s/, 1)[0] ?? '';
  return inSpan(`sql ${name ?? operation}`, { 'db.system.name': 'postgresql', 'db.operation.name': operation }, send);
}
