/** Makes an API token. Its secret is answered once and never kept. */
import { AppError } from '#base/app-error.ts';
import { assertName, assertProject } from '#core/names.ts';
import { tokenRecords } from '#metadata/metadata.ts';
import { createTokenSecret, hashTokenSecret, isRole, mayGrant, type Role } from '#policy/policy.ts';
import { checkDescription } from './check-visibility.ts';
import type { OpContext } from './context.ts';
import { inputFault } from './name-artifact.ts';
import { recordChange } from './record-change.ts';

export interface CreateTokenInput {
  /** The caller's own where left out; another's only by administrators. */
  readonly project?: string | undefined;
  /** Who uses it: the caller's id in audit rows. */
  readonly subject: string;
  readonly roles: readonly string[];
  readonly description?: string | undefined;
  /** Left out: it does not expire. */
  readonly expiresInMs?: number | null | undefined;
}

/** A token as it is listed. The secret is not part of it. */
export interface TokenRecord {
  readonly id: string;
  readonly project: string;
  readonly subject: string;
  readonly roles: readonly Role[];
  readonly description: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

/** Longer is no expiry one would notice. */
const expiryMaxMs = 100 * 365 * 24 * 3600 * 1000;

/** @throws AppError FORBIDDEN for a role above the caller's own or another's project, INPUT_INVALID, NAME_INVALID */
export async function createToken(
  context: OpContext,
  input: CreateTokenInput,
): Promise<{ readonly token: TokenRecord; readonly secret: string }> {
  const { caller, policy, settings } = context;
  const project = input.project === undefined ? caller.project : assertProject(input.project);
  policy.authorise(caller, 'token:create', { project });
  const roles = readRoles(context, input.roles);
  const subject = assertName(input.subject);
  const description = checkDescription(input.description) ?? '';
  const expiresInMs = readExpiry(input.expiresInMs ?? null);
  const secret = createTokenSecret();
  const row = { id: context.newId(), secretHash: hashTokenSecret(settings.instanceKey, secret), createdBy: caller.id };
  return context.db.transaction(
    async (tx) => {
      const inserted = await tokenRecords.insertToken(tx, { ...row, project, subject, roles, description, expiresInMs });
      const token = toToken(inserted);
      await recordChange(tx, context, {
        kind: 'token.created',
        action: 'token:create',
        ...{ project, subjectType: 'token', subjectId: token.id, revision: null, payload: { subject, roles } },
      });
      return { token, secret };
    },
    { signal: context.signal },
  );
}

export function toToken(row: tokenRecords.TokenRow): TokenRecord {
  const { id, project, subject, description } = row;
  return {
    ...{ id, project, subject, description, roles: row.roles.filter(isRole), createdBy: row.created_by },
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}

function readRoles({ caller }: OpContext, given: readonly string[]): readonly Role[] {
  const roles = [...new Set(given)];
  if (roles.length === 0) throw inputFault('/roles', 'must name at least one role');
  return roles.map((role) => {
    if (!isRole(role)) throw inputFault('/roles', 'must be reader, member, admin or service');
    if (mayGrant(caller, role)) return role;
    throw new AppError('FORBIDDEN', `The caller may not hand on the role ${role}.`, {
      details: { action: 'token:create', role },
    });
  });
}

function readExpiry(expiresInMs: number | null): number | null {
  if (expiresInMs === null) return null;
  if (Number.isSafeInteger(expiresInMs) && expiresInMs > 0 && expiresInMs <= expiryMaxMs) return expiresInMs;
  throw inputFault('/expiresInMs', 'must be a positive number of milliseconds, at most 100 years');
}
