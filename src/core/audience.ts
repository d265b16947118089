/** Who may read an artifact, and whether one audience lies within another: what a dependency's consumer may be shown to. */
import type { Visibility } from './artifact.ts';

export interface Audience {
  readonly project: string;
  readonly visibility: Visibility;
  /** Projects it is shared with, of any status; they count only where the visibility is `shared`. */
  readonly members: readonly string[];
}

/** Every project that may read `inner` may read `outer`. */
export function audienceContains(outer: Audience, inner: Audience): boolean {
  if (isForAll(outer)) return true;
  if (isForAll(inner)) return false;
  return audienceGaps(outer, inner).length === 0;
}

/** The projects that may read `inner` but not `outer`; [] also where `inner` is for all, which no list could name. */
export function audienceGaps(outer: Audience, inner: Audience): readonly string[] {
  if (isForAll(outer) || isForAll(inner)) return [];
  const readers = new Set(projectsOf(outer));
  return [...new Set(projectsOf(inner))].filter((project) => !readers.has(project));
}

/** `community` is readable by everyone who knows the id, exactly as `public` is; only lists differ. */
function isForAll({ visibility }: Audience): boolean {
  return visibility === 'public' || visibility === 'community';
}

function projectsOf({ project, visibility, members }: Audience): readonly string[] {
  return visibility === 'shared' ? [project, ...members] : [project];
}
