/** Changes an artifact: of a draft everything, of a published one what its state and its type leave open. */
import { AppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import type { Sql } from '#metadata/database.ts';
import {
  artifactRecords,
  closurePartRecords,
  dependencyRecords,
  familyRecords,
  memberRecords,
  readinessRecords,
} from '#metadata/metadata.ts';
import { assertNotOvertaken, lockCurrent, overtaken, untilCurrent } from './change-artifact.ts';
import { assertSameAsDeleted, findLive, versionExists } from './check-version.ts';
import { assertAudience, authoriseVisibility, isWidened } from './check-visibility.ts';
import { toClosureParts } from './closure-parts.ts';
import type { OpContext } from './context.ts';
import { freezeArtifact } from './freeze-artifact.ts';
import { assertNoFaults, hookArtifact } from './hook-artifact.ts';
import { keepImageText } from './image-texts.ts';
import { assertRevision, type LoadedType, loadArtifact, loadedType } from './load-artifact.ts';
import { familyOf } from './name-artifact.ts';
import { planUpdate, type UpdateArtifactInput, type UpdatePlan } from './plan-update.ts';
import { type PreparedPublish, preparePublish } from './prepare-publish.ts';
import { recordArtifactChange } from './record-change.ts';

export type { UpdateArtifactInput } from './plan-update.ts';

/**
 * Of a published version only mutable properties, tags, visibility, hidden and protected change. Whatever else the update
 * asks for, nothing of it happens unless all does; an update that changes nothing makes no revision.
 * @throws AppError ARTIFACT_NOT_FOUND, ARTIFACT_DELETED, FORBIDDEN, TYPE_UNLOADED, REVISION_CONFLICT, AUDIENCE_TOO_WIDE,
 *   VERSION_EXISTS, what planUpdate throws, and for a freeze what publishing throws
 */
export async function updateArtifact(context: OpContext, input: UpdateArtifactInput): Promise<Artifact> {
  return updateArtifactBy(context, input, () => input);
}

/** What an update is decided from what the artifact is now, and decided again when another change came between. */
export type DecideUpdate = (artifact: Artifact) => Omit<UpdateArtifactInput, 'id' | 'type'>;

/** As `updateArtifact`, by a decision. @throws AppError what `updateArtifact` and `decide` throw */
export async function updateArtifactBy(
  context: OpContext,
  { id, type }: Pick<UpdateArtifactInput, 'id' | 'type'>,
  decide: DecideUpdate,
): Promise<Artifact> {
  return untilCurrent(async (count) => {
    const artifact = await loadArtifact(context, id, 'artifact:update', type);
    const update = await planDecided(context.db, context, artifact, decide);
    const { loaded, plan } = update;
    if (plan.changed.length === 0) return artifact;
    if (count > 1 && isPlain(update)) return updateUnderLock(context, artifact, decide);
    if (isValidated(update)) await runValidate(context, loaded, artifact, plan);
    const frozen = plan.isFreeze ? await preparePublish(context, planned(artifact, plan)) : undefined;
    return context.db.transaction((tx) => write(tx, context, artifact, plan, frozen), { signal: context.signal });
  });
}

interface DecidedUpdate {
  readonly loaded: LoadedType;
  readonly plan: UpdatePlan;
}

async function planDecided(sql: Sql, context: OpContext, artifact: Artifact, decide: DecideUpdate): Promise<DecidedUpdate> {
  const input = { ...decide(artifact), id: artifact.id };
  const loaded = loadedType(context, artifact);
  assertRevision(artifact, input.expectedRevision);
  const current = input.dependencies === undefined ? [] : await dependencyRecords.listDependencies(sql, artifact.id);
  const plan = planUpdate(context, loaded.version, artifact, current, input);
  authoriseParts(context, artifact, plan);
  // Said here, for what changes nothing does not come to the lock that says it.
  if (artifact.state === 'pending_delete') throw new AppError('ARTIFACT_DELETED');
  return { loaded, plan };
}

/**
 * An update that was overtaken is decided again under the lock: however many change the artifact at once, whoever waits for
 * the lock has its turn.
 */
async function updateUnderLock(context: OpContext, seen: Artifact, decide: DecideUpdate): Promise<Artifact> {
  return context.db.transaction(
    async (tx) => {
      await lockCurrent(tx, seen.id, undefined);
      const artifact = await loadArtifact(context, seen.id, 'artifact:update', seen.type, tx);
      const update = await planDecided(tx, context, artifact, decide);
      if (update.plan.changed.length === 0) return artifact;
      // What it comes to now is not for a transaction that holds the lock: once more without.
      if (!isPlain(update)) throw overtaken(artifact);
      return write(tx, context, artifact, update.plan, undefined);
    },
    { signal: context.signal },
  );
}

/** Nothing that takes time, as hooks do, and no family, which is locked before its artifacts. */
function isPlain({ loaded, plan }: DecidedUpdate): boolean {
  const isNamed = ['name', 'version', 'project'].some((part) => plan.changed.includes(part));
  return !isNamed && !plan.isFreeze && !isValidated({ loaded, plan });
}

/** Whether the type's author has a say in what changes; in what is frozen publishing asks for it. */
function isValidated({ loaded, plan: { changed, isFreeze } }: DecidedUpdate): boolean {
  const isContentNew = changed.includes('properties') || changed.includes('dependencies');
  return isContentNew && !isFreeze && loaded.type.hooks.has.has('validate');
}

/** What reaches beyond the artifact has an action of its own. */
function authoriseParts(context: OpContext, artifact: Artifact, { changed, content }: UpdatePlan): void {
  if (changed.includes('protected')) context.policy.authorise(context.caller, 'artifact:protect', artifact);
  if (changed.includes('project')) context.policy.authorise(context.caller, 'artifact:move', artifact);
  if (changed.includes('visibility')) authoriseVisibility(context, artifact, content.visibility);
}

async function runValidate(context: OpContext, loaded: LoadedType, artifact: Artifact, plan: UpdatePlan): Promise<void> {
  const dependencies = plan.dependencies ?? (await dependencyRecords.listDependencies(context.db, artifact.id));
  assertNoFaults(
    await loaded.type.hooks.validate(await hookArtifact(context, planned(artifact, plan), dependencies), context.signal),
  );
}

/** The artifact as it will be. */
function planned(artifact: Artifact, { named, content }: UpdatePlan): Artifact {
  return { ...artifact, ...content, name: named.name, version: named.version?.text ?? null };
}

async function write(
  tx: Sql,
  context: OpContext,
  artifact: Artifact,
  plan: UpdatePlan,
  frozen: PreparedPublish | undefined,
): Promise<Artifact> {
  const familyId = await familyOf(tx, context, { ...artifact, project: plan.content.project }, plan.named);
  if (frozen !== undefined && familyId !== null) await familyRecords.lockFamily(tx, familyId);
  const locked = await lockCurrent(tx, artifact.id, undefined);
  assertNotOvertaken(locked, artifact);
  if (plan.dependencies !== undefined) await dependencyRecords.replaceDependencies(tx, artifact.id, plan.dependencies);
  if (plan.changed.includes('project')) await assertNoUpload(tx, artifact.id);
  if (isShownAnew(plan)) await assertMayShow(tx, context, artifact, plan);
  if (frozen !== undefined) await assertVersionFree(tx, { ...planned(artifact, plan), familyId });
  let updated = await artifactRecords.updateArtifact(tx, artifact.id, { ...plan.content, ...plan.named, familyId });
  if (frozen !== undefined) updated = await freeze(tx, context, updated, frozen);
  await keepImageText(tx, context, updated);
  const detail = { changed: plan.changed };
  await recordArtifactChange(tx, context, { kind: 'artifact.updated', action: 'artifact:update', detail }, updated);
  if (plan.changed.includes('project')) await endShareWithOwner(tx, context, updated);
  return updated;
}

/** Who owns an artifact needs no share, and would find it in lists twice; who later gives it away keeps nothing. */
async function endShareWithOwner(tx: Sql, context: OpContext, moved: Artifact): Promise<void> {
  const { project } = moved;
  if ((await memberRecords.removeMember(tx, moved.id, project)) === undefined) return;
  const change = { kind: 'member.removed', action: 'artifact:move', detail: { member: project } } as const;
  await recordArtifactChange(tx, context, change, moved);
}

function isShownAnew({ changed }: UpdatePlan): boolean {
  return changed.includes('visibility') || changed.includes('project');
}

/** A session belongs to the project that pays for its bytes: it ends before they change hands. */
async function assertNoUpload(tx: Sql, id: string): Promise<void> {
  const [open] = await readinessRecords.listOpenUploads(tx, id);
  if (open !== undefined) throw new AppError('UPLOAD_BUSY', 'An upload into this artifact has not ended.');
}

/** A draft shows itself to nobody: publish checks its audience. */
async function assertMayShow(tx: Sql, context: OpContext, artifact: Artifact, { content }: UpdatePlan): Promise<void> {
  const { project, visibility } = content;
  if (artifact.state === 'draft' || !(await isWidened(tx, artifact, { project, visibility }))) return;
  const dependencies = await dependencyRecords.listDependencies(tx, artifact.id);
  const pinned = [...new Set(dependencies.flatMap(({ resolved }) => resolved?.id ?? []))];
  const locked = await artifactRecords.lockArtifactsShared(tx, pinned);
  await assertAudience(tx, context, { ...artifact, project, visibility }, locked);
}

async function assertVersionFree(tx: Sql, next: Artifact): Promise<void> {
  const live = await findLive(tx, next);
  if (live !== undefined) throw versionExists(live);
}

/** Gives the version its digest and its name in the record of names; the state stays what it was. */
async function freeze(tx: Sql, context: OpContext, updated: Artifact, prepared: PreparedPublish): Promise<Artifact> {
  const { digest, pins } = await freezeArtifact(tx, context, { ...prepared, artifact: updated });
  await assertSameAsDeleted(tx, updated, digest);
  const frozen = await artifactRecords.freezeArtifact(tx, updated.id, prepared.properties, digest);
  await artifactRecords.beginName(tx, updated.id);
  await closurePartRecords.saveClosureParts(tx, toClosureParts(frozen, pins));
  return frozen;
}
