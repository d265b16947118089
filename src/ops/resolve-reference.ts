/** From a reference, as people write it, to one artifact. */
import { AppError } from '#base/app-error.ts';
import type { Artifact } from '#core/artifact.ts';
import { type ArtifactRef, parseArtifactRef } from '#core/artifact-ref.ts';
import { resolutionRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';
import { artifactNotFound, findArtifact } from './load-artifact.ts';
import { candidatesMax, findFamily, resolveRange } from './resolve-name.ts';

export interface ResolvedReference {
  readonly artifact: Artifact;
  /** Sentences for whoever asked: yanked, deprecated, deactivated. */
  readonly warnings: readonly string[];
}

type FamilyRef = Exclude<ArtifactRef, { kind: 'id' }>;

/**
 * A range finds the highest listed release that is active and not yanked; one exact version finds also what is yanked or
 * deactivated, with a warning; an id or a digest whatever the caller may read.
 * @throws AppError REFERENCE_INVALID, RANGE_INVALID, ARTIFACT_NOT_FOUND, VERSION_NO_MATCH with visible candidates
 */
export async function resolveReference(context: OpContext, { ref }: { readonly ref: string }): Promise<ResolvedReference> {
  const parsed = parseArtifactRef(ref);
  const artifact = parsed.kind === 'id' ? await findArtifact(context, parsed.id) : await resolveFamilyRef(context, parsed, ref);
  if (artifact === undefined) throw artifactNotFound(ref);
  context.policy.authorise(context.caller, 'artifact:read', artifact);
  return { artifact, warnings: warningsOf(artifact) };
}

async function resolveFamilyRef(context: OpContext, ref: FamilyRef, text: string): Promise<Artifact | undefined> {
  if (ref.kind === 'channel') {
    throw new AppError('REFERENCE_INVALID', 'References by channel are not understood yet; name a version or a range.');
  }
  const { db, caller } = context;
  const family = await findFamily(db, context, caller, ref);
  if (family === undefined) return undefined;
  if (ref.kind === 'digest') return resolutionRecords.findByDigest(db, caller, family.familyId, ref.digest);
  if (ref.exact !== null) {
    const exact = await resolutionRecords.findExact(db, caller, family, ref.exact.key);
    if (exact !== undefined) return findArtifact(context, exact.id);
  } else {
    const found = await resolveRange(db, caller, family, ref.range, null);
    if (!('problem' in found)) return findArtifact(context, found.id);
  }
  throw noMatch(text, await resolutionRecords.listCandidates(db, caller, family, candidatesMax));
}

function noMatch(ref: string, candidates: readonly string[]): AppError {
  const known = candidates.length === 0 ? 'There is no version to choose from.' : `There are ${candidates.join(', ')}.`;
  return new AppError('VERSION_NO_MATCH', `No version matches ${ref}. ${known}`, { details: { candidates } });
}

function warningsOf({ yankedAt, yankReason, deprecatedAt, deprecationMessage, state }: Artifact): readonly string[] {
  return [
    yankedAt === null ? '' : `This version was yanked${because(yankReason)}.`,
    deprecatedAt === null ? '' : `This artifact is deprecated${because(deprecationMessage)}.`,
    state === 'deactivated' ? 'This artifact is deactivated; its bytes are withheld.' : '',
    state === 'pending_delete' ? 'This artifact is deleted; it can be restored until its delay is over.' : '',
  ].filter((warning) => warning !== '');
}

function because(reason: string | null): string {
  return reason === null || reason === '' ? '' : `: ${reason}`;
}
