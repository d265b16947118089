/** Audiences: containment is what reading means, tried against every project. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibilities } from '#core/artifact.ts';
import { type Audience, audienceContains, audienceGaps } from '#core/audience.ts';

const projects = ['p', 'q', 'r', 's'];
const audience: fc.Arbitrary<Audience> = fc.record({
  project: fc.constantFrom('p', 'q', 'r'),
  visibility: fc.constantFrom(...visibilities),
  members: fc.subarray(['p', 'q', 'r']),
});

/** The readable rule, written again. `s` is a stranger: no audience here names it. */
function canRead(project: string, { project: owner, visibility, members }: Audience): boolean {
  if (visibility === 'public' || visibility === 'community' || project === owner) return true;
  return visibility === 'shared' && members.includes(project);
}

describe('audienceContains', () => {
  it('is true exactly when every project that reads the inner one reads the outer one', () => {
    fc.assert(
      fc.property(audience, audience, (outer, inner) => {
        const expected = projects.every((project) => !canRead(project, inner) || canRead(project, outer));
        expect(audienceContains(outer, inner)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('does not count members of an artifact that is not shared', () => {
    const inner: Audience = { project: 'q', visibility: 'private', members: [] };
    expect(audienceContains({ project: 'p', visibility: 'private', members: ['q'] }, inner)).toBe(false);
    expect(audienceContains({ project: 'p', visibility: 'shared', members: ['q'] }, inner)).toBe(true);
  });
});

describe('audienceGaps', () => {
  it('names the projects that would be shut out', () => {
    const outer: Audience = { project: 'p', visibility: 'shared', members: ['q'] };
    const inner: Audience = { project: 'p', visibility: 'shared', members: ['q', 'r', 's'] };
    expect(audienceGaps(outer, inner)).toEqual(['r', 's']);
    expect(audienceGaps(outer, { ...inner, visibility: 'private' })).toEqual([]);
  });
});
