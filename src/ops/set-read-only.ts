/** Switches read-only mode, for every node of the database: while it or a store is moved, reads go on and writes are refused. */
import { readOnlyRecords } from '#metadata/metadata.ts';
import { checkText } from './check-reason.ts';
import type { OpContext } from './context.ts';
import { recordChange } from './record-change.ts';

export interface SetReadOnlyInput {
  readonly readOnly: boolean;
  /** Told to everybody whose write is refused. */
  readonly reason?: string | null | undefined;
}

export interface ReadOnlyMode {
  readonly readOnly: boolean;
  /** ISO 8601; null while writes are accepted. */
  readonly since: string | null;
  readonly reason: string | null;
  /** True once every write that had begun before is over: from then on nothing changes. */
  readonly isQuiet: boolean;
}

/** How long the answer waits for writes that had begun. */
const quietDeadlineMs = 20_000;

/**
 * Twice is once, and a new reason replaces the old one.
 * @throws AppError FORBIDDEN, INPUT_INVALID
 */
export async function setReadOnly(context: OpContext, input: SetReadOnlyInput): Promise<ReadOnlyMode> {
  const { caller, db, policy, signal } = context;
  policy.authorise(caller, 'instance:read-only', { project: caller.project });
  const reason = checkText(input.reason, '/reason');
  const begun = await db.transaction((tx) => change(tx, context, { readOnly: input.readOnly, reason }), { signal });
  if (begun === undefined) return { readOnly: false, since: null, reason: null, isQuiet: false };
  const isQuiet = await readOnlyRecords.awaitOlderWrites(db, begun.tx, quietDeadlineMs, signal);
  return { readOnly: true, since: begun.since.toISOString(), reason, isQuiet };
}

/** What mode the database is in. @throws AppError FORBIDDEN */
export async function getReadOnly({ caller, db, policy }: OpContext): Promise<Omit<ReadOnlyMode, 'isQuiet'>> {
  policy.authorise(caller, 'instance:read', { project: caller.project });
  const { since, reason } = await readOnlyRecords.findReadOnly(db);
  return { readOnly: since !== null, since: since?.toISOString() ?? null, reason };
}

async function change(
  tx: Parameters<typeof readOnlyRecords.endReadOnly>[0],
  context: OpContext,
  { readOnly, reason }: { readonly readOnly: boolean; readonly reason: string | null },
): Promise<readOnlyRecords.BegunReadOnly | undefined> {
  const before = await readOnlyRecords.findReadOnly(tx);
  // The mode's own event is a write: it is accepted while the mode is off, and the mode is off within this transaction only.
  const instanceId = await readOnlyRecords.endReadOnly(tx);
  await recordChange(tx, context, {
    kind: readOnly ? 'instance.read-only' : 'instance.writable',
    action: 'instance:read-only',
    project: context.caller.project,
    ...{ subjectType: 'instance', subjectId: instanceId, revision: null },
    detail: reason === null ? {} : { reason },
  });
  return readOnly ? readOnlyRecords.beginReadOnly(tx, { since: before.since, reason, by: context.caller.id }) : undefined;
}
