import { describe, expect, it } from 'vitest';
import { faultTable } from './fault-table.ts';
import { scanFailpoints } from './scan-failpoints.ts';

describe('the table of failpoints', () => {
  const found = scanFailpoints().map(({ name }) => name);

  it('names a scenario for each failpoint of the source', () => {
    expect(found.filter((name) => !faultTable.has(name))).toEqual([]);
    expect(found.length).toBeGreaterThan(80);
  });

  it('names none that is not in the source', () => {
    expect([...faultTable.keys()].filter((name) => !found.includes(name))).toEqual([]);
  });
});
