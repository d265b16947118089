/** Artifacts of every visibility in every state, shared with projects that said yes, no and nothing. */
import { type Artifact, type ArtifactState, type Visibility, visibilities } from '#core/artifact.ts';
import { addMember } from '#ops/add-member.ts';
import { createArtifact } from '#ops/create-artifact.ts';
import { deactivateArtifact } from '#ops/deactivate-artifact.ts';
import { deleteArtifact } from '#ops/delete-artifact.ts';
import { publishArtifact } from '#ops/publish-artifact.ts';
import { updateArtifact } from '#ops/update-artifact.ts';
import { updateMember } from '#ops/update-member.ts';
import { actAs, type Node, putText } from './operations.ts';

export const subjectStates = ['draft', 'active', 'deactivated', 'pending_delete'] as const satisfies readonly ArtifactState[];
export type SubjectState = (typeof subjectStates)[number];

/** The caller's project to the artifact's; all but the first two by what it answered to the share. */
const relations = ['own', 'stranger', 'pending', 'accepted', 'rejected'] as const;
export type Relation = (typeof relations)[number];

export interface Subject {
  readonly state: SubjectState;
  readonly visibility: Visibility;
  /** Of a family, with a version. */
  readonly versioned: Artifact;
  /** The same without name and version, which leaves more to change. */
  readonly plain: Artifact;
}

/** Of the project `own`; needs a delay of deletes. */
export async function makeSubjects(node: Node): Promise<readonly Subject[]> {
  const subjects: Subject[] = [];
  for (const visibility of visibilities) {
    for (const state of subjectStates) {
      const name = `${visibility}-${state.replace('_', '-')}`;
      const versioned = await make(node, visibility, state, { name, version: '1.0.0' });
      subjects.push({ state, visibility, versioned, plain: await make(node, visibility, state, {}) });
    }
  }
  return subjects;
}

async function make(
  { services }: Node,
  visibility: Visibility,
  state: SubjectState,
  named: { readonly name?: string; readonly version?: string },
): Promise<Artifact> {
  const admin = actAs(services, 'ops', 'admin');
  const { id } = await createArtifact(admin, { type: 'kit', project: 'own', visibility: 'shared', ...named });
  for (const project of ['pending', 'accepted', 'rejected'] as const) {
    await addMember(admin, { artifactId: id, project });
    if (project !== 'pending') await updateMember(admin, { artifactId: id, project, status: project });
  }
  await putText(admin, id, 'main', 'hello');
  let artifact = await updateArtifact(admin, { id, visibility });
  if (state !== 'draft') artifact = await publishArtifact(admin, { id });
  if (state === 'deactivated') artifact = await deactivateArtifact(admin, { id });
  if (state === 'pending_delete') artifact = await deleteArtifact(admin, { id });
  return artifact;
}

/** Projects that a visibility tells apart. */
export function relationsOf(visibility: Visibility): readonly Relation[] {
  return visibility === 'shared' ? relations : ['own', 'stranger'];
}

/** The rule of visibility in words, written a second time: who may know that there is such an artifact. */
export function maySee(relation: Relation, isAdmin: boolean, { visibility, state }: Subject): boolean {
  if (relation === 'own' || isAdmin) return true;
  if (state === 'draft' || state === 'pending_delete') return false;
  if (visibility === 'public' || visibility === 'community') return true;
  return visibility === 'shared' && relation !== 'stranger';
}
