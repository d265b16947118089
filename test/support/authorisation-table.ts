/** The authorisation matrix as a page: what thousands of tries came to, in tables that a person reads. */
import { alignTables } from '../../docs/write-tables.ts';
import type { Relation, Subject, SubjectState } from './authorisation-subjects.ts';
import { subjectStates } from './authorisation-subjects.ts';

export const roleLetters = ['r', 'm', 's', 'a'] as const;
export type RoleLetter = (typeof roleLetters)[number];

export interface Try {
  readonly operation: string;
  readonly role: RoleLetter | '-';
  readonly relation: Relation;
  readonly visibility: Subject['visibility'];
  readonly state: SubjectState;
  /** `ok`, or the code of the refusal. */
  readonly outcome: string;
}

/** What a caller is to an artifact, as far as it makes a difference. */
const standings = {
  'of the project': ({ relation }: Try) => relation === 'own',
  'shared with the project': ({ relation }: Try) => relation !== 'own' && relation !== 'stranger',
  'public or community': ({ relation, visibility }: Try) =>
    relation === 'stranger' && (visibility === 'public' || visibility === 'community'),
  'of others': ({ relation, visibility }: Try) =>
    relation === 'stranger' && (visibility === 'private' || visibility === 'shared'),
} as const;

const refusals: readonly string[] = [
  'FORBIDDEN',
  'ARTIFACT_NOT_FOUND',
  'FAMILY_NOT_FOUND',
  'TOKEN_NOT_FOUND',
  'UPLOAD_NOT_FOUND',
];

export function isRefused(outcome: string): boolean {
  return refusals.includes(outcome);
}

/** Roles whose tries got past the policy in every one of the states, by their letters. */
function lettersOf(tries: readonly Try[]): string {
  const letters = roleLetters.filter((letter) => {
    const own = tries.filter(({ role }) => role === letter);
    return own.length > 0 && own.every(({ outcome }) => !isRefused(outcome));
  });
  return letters.length === 0 ? '–' : letters.join(' ');
}

function whoRow(operation: string, tries: readonly Try[]): string {
  const cells = Object.values(standings).map((isOf) =>
    lettersOf(tries.filter((one) => isOf(one) && (one.state === 'active' || one.state === 'deactivated'))),
  );
  return `| ${operation} | ${cells.join(' | ')} |`;
}

/** What those get who are allowed, in each state; what an administrator gets where it is something else. */
function whenRow(operation: string, tries: readonly Try[]): string {
  const cells = subjectStates.map((state) => {
    const here = tries.filter((one) => one.state === state && !isRefused(one.outcome));
    const outcomes = (of: readonly Try[]) => [...new Set(of.map(({ outcome }) => outcome))].sort().map(shown).join(' or ');
    const [members, admins] = [
      outcomes(here.filter(({ role }) => role !== 'a')),
      outcomes(here.filter(({ role }) => role === 'a')),
    ];
    return members === '' || members === admins ? admins : `${members} (a: ${admins})`;
  });
  return `| ${operation} | ${cells.join(' | ')} |`;
}

function shown(outcome: string): string {
  return outcome === 'ok' ? 'yes' : `\`${outcome}\``;
}

export interface ProjectTry {
  readonly operation: string;
  readonly role: RoleLetter | '-';
  readonly whose: 'own' | 'foreign';
  readonly outcome: string;
}

export interface Sighting {
  readonly how: string;
  /** By standing and state: `yes`, `no`. */
  readonly cells: readonly string[];
}

export function renderMatrix(tries: readonly Try[], projectTries: readonly ProjectTry[], sightings: readonly Sighting[]): string {
  const byOperation = Map.groupBy(tries, ({ operation }) => operation);
  const byProjectOperation = Map.groupBy(projectTries, ({ operation }) => operation);
  const projectRow = (operation: string, own: readonly ProjectTry[]) => {
    const letters = (whose: ProjectTry['whose']) => {
      const of = own.filter((one) => one.whose === whose);
      return of.length === 0
        ? ''
        : roleLetters.filter((letter) => of.some((one) => one.role === letter && !isRefused(one.outcome))).join(' ') || '–';
    };
    return `| ${operation} | ${letters('own')} | ${letters('foreign')} |`;
  };
  return alignTables(
    [
      '# The authorisation matrix',
      '',
      'What the policies that Vitrine ships allow, as it was found by trying: every operation, by a caller of every role, of every project',
      'that makes a difference, on an artifact of every visibility in every state, against the real operations and a real database.',
      `Written by \`test/ops/authorisation.test.ts\`, from ${tries.length + projectTries.length} tries; it fails where this page is out of step.`,
      '[How to have other rules](authorisation.md).',
      '',
      'Roles by letters: **r** reader, **m** member, **s** service, **a** administrator; **–** nobody. A caller without a role may nothing. Where',
      'the caller may not see an artifact, the answer is `ARTIFACT_NOT_FOUND`; where it may see it and not do this, `FORBIDDEN`.',
      '',
      '## Who',
      '',
      'Of artifacts that are active or deactivated. “Shared” is the same whether the share is pending, accepted or rejected.',
      '',
      `| operation | ${Object.keys(standings).join(' | ')} |`,
      `|---|${Object.keys(standings)
        .map(() => '---|')
        .join('')}`,
      ...[...byOperation].map(([operation, of]) => whoRow(operation, of)),
      '',
      'Drafts, and what waits to be deleted, are the project’s own: nobody else finds them but administrators.',
      '',
      '## When',
      '',
      'What those get who are allowed. More than one answer: it goes by the visibility, and by what is there.',
      '',
      `| operation | ${subjectStates.join(' | ')} |`,
      `|---|${subjectStates.map(() => '---|').join('')}`,
      ...[...byOperation].map(([operation, of]) => whenRow(operation, of)),
      '',
      '## Of a project',
      '',
      'What is about no artifact. An empty cell: only the caller’s own project can be meant.',
      '',
      '| operation | the caller’s project | another project |',
      '|---|---|---|',
      ...[...byProjectOperation].map(([operation, of]) => projectRow(operation, of)),
      '',
      '## What is seen where',
      '',
      'For readers. By id: whoever was told the id. In lists: by looking. Hidden artifacts are left out of lists unless they are asked for.',
      '',
      '| | by id | in lists | in lists of the community | by name and range |',
      '|---|---|---|---|---|',
      ...sightings.map(({ how, cells }) => `| ${how} | ${cells.join(' | ')} |`),
      '',
    ].join('\n'),
  );
}
