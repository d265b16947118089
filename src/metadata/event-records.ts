/** The trace of every change: its event (outbox) and its audit row, written together in the change's own transaction. */
import type { JsonObject } from '#base/json.ts';
import type { Sql } from './database.ts';

export interface ChangeRow {
  /** What happened: `artifact.published`. */
  readonly kind: string;
  /** The policy action that allowed it: `artifact:publish`. */
  readonly action: string;
  /** Project of the subject. */
  readonly project: string;
  readonly subjectType: 'artifact' | 'family' | 'token' | 'instance';
  readonly subjectId: string;
  /** Of the subject after the change. */
  readonly revision: number | null;
  /** For listeners: facts of the subject. Never a secret. */
  readonly payload: JsonObject;
  /** For auditors: how it was changed and why. Never a secret. */
  readonly detail: JsonObject;
  readonly caller: string;
  readonly requestId: string | null;
  readonly traceparent: string | null;
  readonly sourceAddress: string | null;
}

const insertChangeStatement = {
  name: 'change-insert',
  text: `WITH e AS (
    INSERT INTO event (kind, project, subject_type, subject_id, revision, payload, request_id, traceparent)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8))
  INSERT INTO audit (caller, project, action, subject_type, subject_id, revision, source_address, detail, request_id, traceparent)
  VALUES ($9, $2, $10, $3, $4, $5, $11, $12, $7, $8)`,
};

/** For a statement that changes the subject too: two parts of its WITH, which tell of it once for each row of `from`. */
export function insertChangeSql(from: string, first: number): string {
  const [kind, project, type, id, revision, payload, request, trace, caller, action, source, detail] = Array.from(
    { length: 12 },
    (_, index) => `$${first + index}`,
  );
  return `e AS (
      INSERT INTO event (kind, project, subject_type, subject_id, revision, payload, request_id, traceparent)
      SELECT ${kind}, ${project}, ${type}, ${id}::uuid, ${revision}::int, ${payload}::jsonb, ${request}, ${trace} ${from}),
    u AS (
      INSERT INTO audit (caller, project, action, subject_type, subject_id, revision, source_address, detail, request_id, traceparent)
      SELECT ${caller}, ${project}, ${action}, ${type}, ${id}::uuid, ${revision}::int, ${source}, ${detail}::jsonb, ${request}, ${trace}
      ${from})`;
}

export async function insertChange(sql: Sql, change: ChangeRow): Promise<void> {
  await sql.query(insertChangeStatement, changeValues(change));
}

/** In the order in which the statements above number them. */
export function changeValues(change: ChangeRow): readonly unknown[] {
  return [
    change.kind,
    change.project,
    change.subjectType,
    change.subjectId,
    change.revision,
    JSON.stringify(change.payload),
    change.requestId,
    change.traceparent,
    change.caller,
    change.action,
    change.sourceAddress,
    JSON.stringify(change.detail),
  ];
}

const insertChangesStatement = {
  name: 'changes-insert',
  text: `WITH r AS (SELECT * FROM jsonb_to_recordset($6::jsonb) AS r(payload jsonb, detail jsonb)),
    e AS (
      INSERT INTO event (kind, project, subject_type, subject_id, revision, payload, request_id, traceparent)
      SELECT $1, $2, $3, $4, $5, r.payload, $7, $8 FROM r)
    INSERT INTO audit (caller, project, action, subject_type, subject_id, revision, source_address, detail, request_id, traceparent)
    SELECT $9, $2, $10, $3, $4, $5, $11, r.detail, $7, $8 FROM r`,
};

/** Several changes of one subject that are the same but for what they say of themselves, in one statement. */
export async function insertChanges(
  sql: Sql,
  change: Omit<ChangeRow, 'payload' | 'detail'>,
  each: readonly Pick<ChangeRow, 'payload' | 'detail'>[],
): Promise<void> {
  await sql.query(insertChangesStatement, [
    change.kind,
    change.project,
    change.subjectType,
    change.subjectId,
    change.revision,
    JSON.stringify(each),
    change.requestId,
    change.traceparent,
    change.caller,
    change.action,
    change.sourceAddress,
  ]);
}
