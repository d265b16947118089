import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '#base/app-error.ts';
import type { Json } from '#base/json.ts';
import type { Artifact } from '#core/artifact.ts';
import { mergeProperties } from '#ops/check-properties.ts';
import { patchReader } from '#rest/images/parse-patch.ts';
import { planImagePatch } from '#rest/images/plan-image-patch.ts';
import { testSettings } from '#test/support/operations.ts';

const newer = 'application/openstack-images-v2.1-json-patch';
const older = 'application/openstack-images-v2.0-json-patch';
const limits = { maxTags: 3, image: { ...testSettings.image, propertyQuota: 5 } };

/** As much of an artifact as the plan looks at. */
const imageWith = (properties: Readonly<Record<string, Json>>): Artifact =>
  ({ state: 'draft', version: null, tags: [], properties }) as unknown as Artifact;

/** The code that the work is refused with, or what it made. */
function outcome<Result>(work: () => Result): Result | string {
  try {
    return work();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

type Step = { readonly kind: 'add' | 'replace' | 'remove'; readonly name: string; readonly value: string };

const names = ['a', 'b', 'c/d', '~e', 'f', 'g', 'hw_x'];
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('add', 'replace', 'remove'),
  name: fc.constantFrom(...names),
  value: fc.constantFrom('1', '2', ''),
});
const properties = fc.dictionary(fc.constantFrom(...names), fc.constantFrom('1', '2'), { maxKeys: 6 });

const pointer = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** One step after the other, as the API's text says it. */
function model(steps: readonly Step[], before: Readonly<Record<string, string>>, isOlder: boolean): object | string {
  const now = new Map(Object.entries(before));
  for (const { kind, name, value } of steps) {
    if (kind === 'add' && isOlder && now.has(name)) return 'STATE_CONFLICT';
    if (kind !== 'add' && !now.has(name)) return 'STATE_CONFLICT';
    if (kind === 'remove') now.delete(name);
    else now.set(name, value);
  }
  const isGrown = now.size > Object.keys(before).length;
  return isGrown && now.size > limits.image.propertyQuota ? 'LIMIT_EXCEEDED' : Object.fromEntries(now);
}

describe('a list of changes', () => {
  it.each([
    [newer, ({ kind, name, value }: Step) => ({ op: kind, path: pointer(name), ...(kind === 'remove' ? {} : { value }) })],
    [older, ({ kind, name, value }: Step) => ({ [kind]: pointer(name), ...(kind === 'remove' ? {} : { value }) })],
  ])('of %s makes of an image what its steps make one after the other', (type, write) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), properties, (steps, before) => {
        const made = outcome(() => {
          const decide = planImagePatch(patchReader(type)(steps.map(write)), limits);
          return mergeProperties(before, decide(imageWith(before)).properties ?? {});
        });
        expect(made).toEqual(model(steps, before, type === older));
      }),
      { numRuns: 300 },
    );
  });

  it('is refused in words, whatever it is', () => {
    const wild = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.record({ op: fc.jsonValue(), path: fc.jsonValue(), value: fc.jsonValue() }, { requiredKeys: [] })),
      fc.array(
        fc.record({
          op: fc.constantFrom('add', 'replace', 'remove'),
          path: fc.string().map((text) => `/${text}`),
          value: fc.jsonValue(),
        }),
      ),
    );
    fc.assert(
      fc.property(wild, fc.constantFrom(newer, older), (body, type) => {
        const result = outcome(() => planImagePatch(patchReader(type)(body as Json), limits)(imageWith({ a: '1' })));
        const codes = ['REQUEST_MALFORMED', 'INPUT_INVALID', 'PROPERTY_SYSTEM_WRITTEN', 'PROPERTY_IMMUTABLE', 'STATE_CONFLICT'];
        if (typeof result === 'string') expect([...codes, 'LIMIT_EXCEEDED']).toContain(result);
        else expect(result.properties).toBeTypeOf('object');
      }),
      { numRuns: 1_000 },
    );
  });

  it('of many steps is read in time that grows with their number only', () => {
    const many = Array.from({ length: 50_000 }, (_, n) => ({ op: 'add', path: `/p${n % 5}`, value: 'x' }));
    const decide = planImagePatch(patchReader(newer)(many), limits);
    expect(Object.keys(decide(imageWith({})).properties ?? {})).toHaveLength(5);
  });
});
