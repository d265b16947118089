/** Several artifacts by id in one statement: what a page of nodes or a data loader asks for. */
import { isUuid } from '#base/id.ts';
import type { Artifact } from '#core/artifact.ts';
import { artifactRecords } from '#metadata/metadata.ts';
import type { OpContext } from './context.ts';

/** In the order of the ids; null for each that does not exist or that the caller may not see. */
export async function getArtifacts(
  context: OpContext,
  { ids }: { readonly ids: readonly string[] },
): Promise<readonly (Artifact | null)[]> {
  const wanted = ids.map((id) => id.toLowerCase());
  const real = [...new Set(wanted.filter(isUuid))];
  const found = real.length === 0 ? [] : await artifactRecords.findReadableArtifacts(context.db, context.caller, real);
  const readable = new Map(
    found
      .filter((artifact) => context.policy.allows(context.caller, 'artifact:read', artifact))
      .map((artifact) => [artifact.id, artifact]),
  );
  return wanted.map((id) => readable.get(id) ?? null);
}
