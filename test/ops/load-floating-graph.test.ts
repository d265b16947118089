import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Closure } from '#core/closure.ts';
import { parseRange, satisfies } from '#core/range.ts';
import { assertVersion } from '#core/version.ts';
import type { OpContext } from '#ops/context.ts';
import { getClosure } from '#ops/get-closure.ts';
import { actAs, createTestNode, type Node } from '#test/support/operations.ts';
import { watchStatements } from '#test/support/watch-statements.ts';

let node: Node;
let own: OpContext;

beforeAll(async () => {
  node = await createTestNode();
  own = actAs(node.services, 'own');
});
afterAll(() => node[Symbol.asyncDispose]());

interface Edge {
  readonly slot: 'uses' | 'core';
  /** Name of a family. */
  readonly to: string;
  readonly range: string;
}

interface Member {
  readonly name: string;
  readonly version: string;
  readonly edges: readonly Edge[];
}

const uses = (to: string, range: string): Edge => ({ slot: 'uses', to, range });
const core = (to: string, range: string): Edge => ({ slot: 'core', to, range });

/** Active kits, written straight into the tables: no publish has judged what they need. Answers with the id of the first. */
async function insertKits(prefix: string, members: readonly Member[]): Promise<string> {
  const rows = members.map(({ name, version: text, edges }) => {
    const { key, core: release } = assertVersion(text);
    const targets = edges.map(({ to, ...edge }, position) => ({ ...edge, position, to: `${prefix}-${to}` }));
    return { name: `${prefix}-${name}`, version: text, key, release, targets };
  });
  const run = (text: string) => node.services.db.query<{ id: string }>({ text }, [JSON.stringify(rows)]);
  const given = 'jsonb_to_recordset($1::jsonb) AS g (name text, version text, key text, release text, targets jsonb)';
  await run(
    `INSERT INTO family (id, project, type, name) SELECT DISTINCT md5('f' || name)::uuid, 'own', 'kit', name FROM ${given}`,
  );
  await run(`INSERT INTO artifact (id, project, type, type_version, family_id, name, version, version_key, version_core, version_is_release, state, visibility, created_by, digest_algorithm, digest_value)
    SELECT md5('a' || name || version)::uuid, 'own', 'kit', '1', md5('f' || name)::uuid, name, version, key, release, true, 'active', 'private', 'test', 'sha256', md5(name || version) FROM ${given}`);
  await run(`INSERT INTO dependency (artifact_id, position, slot, alias, target_type, target_name, range)
    SELECT md5('a' || name || version)::uuid, d.position, d.slot, 'alias-' || d.position, 'kit', d."to", d.range
    FROM ${given}, jsonb_to_recordset(targets) AS d (slot text, "to" text, range text, position int)`);
  const [root] = await run(`SELECT md5('a' || name || version)::uuid AS id FROM ${given} LIMIT 1`);
  return root?.id ?? '';
}

/** What each edge leads to, and kinds of problems. */
function summary({ edges, problems }: Closure) {
  return {
    edges: edges.map(({ ref, version }) => `${ref.slice(ref.indexOf('-') + 1)} -> ${version}`).toSorted(),
    problems: problems.map(({ kind, candidates }) => [kind, candidates]),
  };
}

describe('what singletons decided for a family', () => {
  it('binds no edge whose range does not take it, and then the family is in conflict', async () => {
    const root = await insertKits('late', [
      { name: 'top', version: '1.0.0', edges: [uses('p', ''), uses('q', '')] },
      { name: 'p', version: '1.0.0', edges: [core('u', '1.x || 3.x'), core('s', '*')] },
      { name: 'q', version: '1.0.0', edges: [uses('u', '1.x || 2.x'), uses('s', '^1')] },
      { name: 'u', version: '1.0.0', edges: [uses('s', '^2')] },
      { name: 'u', version: '2.0.0', edges: [] },
      { name: 'u', version: '3.0.0', edges: [] },
      { name: 's', version: '1.9.0', edges: [] },
      { name: 's', version: '2.1.0', edges: [] },
    ]);
    const { db, names } = watchStatements(node.services.db);
    const closure = await getClosure(actAs({ ...node.services, db }, 'own'), { ref: root, mode: 'floating' });
    expect(closure.complete).toBe(false);
    expect(summary(closure)).toEqual({
      edges: [
        'p -> 1.0.0',
        'q -> 1.0.0',
        's@* -> 1.9.0',
        's@^1 -> 1.9.0',
        's@^2 -> 2.1.0',
        'u@1.x || 2.x -> 1.0.0',
        'u@1.x || 3.x -> 1.0.0',
      ],
      problems: [['CONFLICT', ['2.1.0', '1.9.0']]],
    });
    expect(names.length).toBeLessThanOrEqual(5 + 2 * 4);
  });

  it('gives way to a version that a later edge takes too', async () => {
    const root = await insertKits('again', [
      { name: 'top', version: '1.0.0', edges: [uses('p', ''), uses('q', '')] },
      { name: 'p', version: '1.0.0', edges: [core('u', '1.x || 3.x'), core('s', '1.x || 2.x || 4.x')] },
      { name: 'q', version: '1.0.0', edges: [uses('u', '1.x || 2.x'), uses('s', '1.x || 2.x || 3.x')] },
      { name: 'u', version: '1.0.0', edges: [uses('s', '1.x || 3.x || 4.x')] },
      { name: 'u', version: '2.0.0', edges: [] },
      { name: 'u', version: '3.0.0', edges: [] },
      ...['1.0.0', '2.0.0', '3.0.0', '4.0.0'].map((version) => ({ name: 's', version, edges: [] })),
    ]);
    const closure = await getClosure(own, { ref: root, mode: 'floating' });
    expect(closure.problems).toEqual([]);
    expect(closure.nodes.filter(({ name }) => name === 'again-s').map(({ version }) => version)).toEqual(['1.0.0']);
  });

  it('is in conflict where singletons below singletons would take more rounds to agree', async () => {
    // What needs the next family is in no graph before all agreed on it.
    const torn = (to: string): readonly Edge[] => [core(to, '1.x || 3.x'), uses(to, '1.x || 2.x')];
    const chain = ['f1', 'f2', 'f3', 'f4'];
    const root = await insertKits('deep', [
      { name: 'top', version: '1.0.0', edges: torn('f1') },
      ...chain.flatMap((name, place): readonly Member[] => [
        { name, version: '1.0.0', edges: name === 'f4' ? [core('f5', '*'), uses('f5', '<3')] : torn(`f${place + 2}`) },
        { name, version: '2.0.0', edges: [] },
        { name, version: '3.0.0', edges: [] },
      ]),
      { name: 'f5', version: '2.0.0', edges: [] },
      { name: 'f5', version: '3.0.0', edges: [] },
    ]);
    const { nodes, ...closure } = await getClosure(own, { ref: root, mode: 'floating' });
    expect(nodes.map(({ name, version }) => `${name?.slice(5)}@${version}`)).toEqual([
      ...['f5@2.0.0', 'f5@3.0.0', 'f4@1.0.0', 'f3@1.0.0', 'f2@1.0.0', 'f1@1.0.0', 'top@1.0.0'],
    ]);
    expect(summary({ nodes, ...closure }).problems).toEqual([['CONFLICT', ['3.0.0', '2.0.0']]]);
    expect(closure.complete).toBe(false);
  });
});

describe('a floating closure of random families', () => {
  const families = ['a', 'b', 'c', 'd', 'e'];
  const range = fc.constantFrom('*', '^1', '^2', '>=2', '<3', '1.x || 3.x', '1.x || 2.x', '2.x || 3.x', '4.x');
  const edge = (names: readonly string[]) =>
    fc.record({ slot: fc.constantFrom('uses', 'core'), to: fc.constantFrom(...names), range });
  const edges = (names: readonly string[]) => fc.array(edge(names), { maxLength: 3 });
  const versions = fc.uniqueArray(fc.constantFrom('1.0.0', '1.5.0', '2.0.0', '3.0.0'), { minLength: 1 });
  /** Families may need each other in a circle, and themselves. */
  const family = (name: string) =>
    fc
      .array(edges(families), { minLength: 4, maxLength: 4 })
      .chain((own) =>
        versions.map((texts) => texts.map((version, place): Member => ({ name, version, edges: own[place] ?? [] }))),
      );
  const graph = fc
    .tuple(fc.array(edge(families), { minLength: 2, maxLength: 4 }), ...families.map(family))
    .map(([roots, ...members]): readonly Member[] => [{ name: 'top', version: '1.0.0', edges: roots }, ...members.flat()]);

  it('has edges that lie in their ranges, one version of what is single, or a problem that says why not; each time the same', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(graph, async (members) => {
        run += 1;
        const root = await insertKits(`run${run}`, members);
        const closure = await getClosure(own, { ref: root, mode: 'floating' });
        expect(await getClosure(own, { ref: root, mode: 'floating' })).toEqual(closure);
        const { nodes, problems } = closure;
        for (const { from, alias, range: wanted, version } of closure.edges) {
          const isSaid = problems.some(
            (problem) => problem.node === from && problem.alias === alias && problem.kind === 'NO_MATCH',
          );
          if (version === null) expect(isSaid).toBe(true);
          else expect(satisfies(assertVersion(version), parseRange(wanted))).toBe(true);
        }
        const single = new Set(
          closure.edges.filter(({ slot, to }) => slot === 'core' && to !== null).map(({ ref }) => ref.split('@')[0]),
        );
        const torn = [...Map.groupBy(nodes, ({ type, name }) => `${type}/${name}`)].filter(
          ([name, found]) => found.length > 1 && single.has(name),
        );
        expect(problems.filter(({ kind }) => kind === 'CONFLICT')).toHaveLength(torn.length);
      }),
      { numRuns: 100 },
    );
  });
});
