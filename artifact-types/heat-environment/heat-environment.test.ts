import { describe, expect, it } from 'vitest';
import { checkType } from '#types/check-type.ts';

describe('the type heat-environment', () => {
  it('loads, and treats each of its fixtures as its name says', async () => {
    const { ok, faults, fixtures } = await checkType(import.meta.dirname);
    expect({ faults, wrong: fixtures.filter(({ problem }) => problem !== null) }).toEqual({ faults: [], wrong: [] });
    expect(ok).toBe(true);
  });
});
