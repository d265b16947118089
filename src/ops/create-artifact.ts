/** Makes a draft: a place for properties, bytes and dependencies that nobody else sees until it is published. */

import { AppError } from '#base/app-error.ts';
import { isUuid } from '#base/id.ts';
import type { JsonObject } from '#base/json.ts';
import type { Artifact, DependencyInput, Visibility } from '#core/artifact.ts';
import { assertProject, assertTags } from '#core/names.ts';
import type { Sql } from '#metadata/database.ts';
import { artifactRecords, dependencyRecords } from '#metadata/metadata.ts';
import { readDependencies } from './check-dependencies.ts';
import { assertCallerProperties, assertProperties, mergeProperties } from './check-properties.ts';
import { authoriseVisibility, checkDescription } from './check-visibility.ts';
import type { OpContext } from './context.ts';
import { assertNoFaults, hookArtifact } from './hook-artifact.ts';
import { type ArtifactName, familyOf, inputFault, readName } from './name-artifact.ts';
import { recordArtifactChange, toArtifactChange, toChangeRow } from './record-change.ts';
import { findReplay, repeatable, runOnce } from './run-once.ts';

export interface CreateArtifactInput {
  /** Chosen by the caller; random where left out. Never one that was used before. */
  readonly id?: string | undefined;
  /** The caller's own where left out. */
  readonly project?: string | undefined;
  readonly type: string;
  readonly name?: string | null | undefined;
  /** SemVer 2.0.0; needs a name. */
  readonly version?: string | null | undefined;
  readonly visibility?: Visibility | undefined;
  readonly hidden?: boolean | undefined;
  readonly protected?: boolean | undefined;
  /** Null is the same as leaving a property out. */
  readonly properties?: JsonObject | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly dependencies?: readonly DependencyInput[] | undefined;
  /** Of the family, where this is its first artifact; only with a name and a version. */
  readonly description?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** A draft, ready to be written. */
interface DraftPlan extends ArtifactName {
  readonly row: Omit<artifactRecords.NewArtifact, 'familyId' | 'name' | 'version'>;
  readonly dependencies: readonly dependencyRecords.NewDependency[];
  readonly description: string | undefined;
}

/**
 * @throws AppError FORBIDDEN, TYPE_UNKNOWN, NAME_INVALID, VERSION_INVALID, TAG_INVALID, PROPERTIES_INVALID,
 *   PROPERTY_SYSTEM_WRITTEN, DEPENDENCY_INVALID, ID_TAKEN, KEY_REUSED, INPUT_INVALID, LIMIT_EXCEEDED
 */
export async function createArtifact(context: OpContext, input: CreateArtifactInput): Promise<Artifact> {
  const project = input.project === undefined ? context.caller.project : assertProject(input.project);
  const resource = draftOf(project, input);
  context.policy.authorise(context.caller, 'artifact:create', resource);
  const request = repeatable(context, 'artifact:create', input);
  const replay = await findReplay(context, request);
  if (replay !== undefined) return replay;
  const plan = await planDraft(context, input, resource);
  // What belongs to no family and needs nothing else is written with its change in one statement.
  if (request === undefined && plan.version === null && plan.dependencies.length === 0) return writePlainDraft(context, plan);
  return runOnce(context, request, (tx) => writeDraft(tx, context, plan));
}

/** What policies are told of what is to be made. */
function draftOf(project: string, input: CreateArtifactInput) {
  const { id = '', type, name = null, version = null, visibility = 'private', properties = {}, tags = [] } = input;
  const { hidden = false, protected: isProtected = false } = input;
  const state = 'draft' as const;
  return { id, project, type, name, version, state, visibility, hidden, protected: isProtected, properties, tags };
}

async function planDraft(
  context: OpContext,
  input: CreateArtifactInput,
  resource: ReturnType<typeof draftOf>,
): Promise<DraftPlan> {
  const type = context.types.get(input.type);
  const version = type.current;
  const { project, visibility, hidden, protected: isProtected } = resource;
  authoriseVisibility(context, resource, visibility);
  if (isProtected) context.policy.authorise(context.caller, 'artifact:protect', resource);
  const named = readName(input.name ?? null, input.version ?? null);
  const description = checkDescription(input.description);
  if (description !== undefined && named.version === null)
    throw inputFault('/description', 'belongs to a family: give a version');
  const tags = assertTags(input.tags ?? [], context.settings.maxTags);
  const given = input.properties ?? {};
  assertCallerProperties(version, given);
  const properties = mergeProperties({}, given);
  assertProperties(context, version, properties, { partial: true });
  const dependencies = readDependencies(context, version, input.dependencies ?? []);
  const id = readId(context, input.id);
  const shown = { visibility, hidden, protected: isProtected };
  const row = { id, project, type: type.manifest.type, typeVersion: version.version, ...shown, properties, tags };
  if (type.hooks.has.has('validate')) {
    const { name } = named;
    const draft = { ...row, name, version: named.version?.text ?? null, slots: [] };
    assertNoFaults(await type.hooks.validate(await hookArtifact(context, draft, dependencies), context.signal));
  }
  const { draftTtlMs } = context.settings;
  return { ...named, dependencies, description, row: { ...row, createdBy: context.caller.id, draftTtlMs } };
}

const created = { kind: 'artifact.created', action: 'artifact:create' } as const;

async function writePlainDraft(context: OpContext, { row, name, version }: DraftPlan): Promise<Artifact> {
  const { id, project, type, visibility } = row;
  const said = { type, name, version: null, state: 'draft', visibility, digest: null } as const;
  const change = toArtifactChange(created, { id, project, revision: 1, ...said });
  const told = { ...toChangeRow(context, change), revision: change.revision };
  const artifact = await artifactRecords.insertToldDraft(context.db, { ...row, name, version, familyId: null }, told);
  if (artifact === undefined) throw idTaken(id);
  return artifact;
}

function idTaken(id: string): AppError {
  return new AppError('ID_TAKEN', `The id ${id} is or was in use.`);
}

async function writeDraft(tx: Sql, context: OpContext, plan: DraftPlan): Promise<Artifact> {
  const { row, name, version } = plan;
  const familyId = await familyOf(tx, context, row, plan, plan.description);
  const artifact = await artifactRecords.insertDraft(tx, { ...row, name, version, familyId });
  if (artifact === undefined) throw idTaken(row.id);
  await dependencyRecords.replaceDependencies(tx, row.id, plan.dependencies, true);
  await recordArtifactChange(tx, context, created, artifact);
  return artifact;
}

function readId(context: OpContext, chosen: string | undefined): string {
  if (chosen === undefined) return context.newId();
  const id = chosen.toLowerCase();
  if (!isUuid(id)) throw inputFault('/id', 'must be a UUID');
  return id;
}
