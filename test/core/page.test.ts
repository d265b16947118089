/** Relay's page arguments: which are good together, and every fault named. */

import { describe, expect, it } from 'vitest';
import { isAppError } from '#base/app-error.ts';
import type { PageRequest } from '#core/filter.ts';
import { assertPageRequest } from '#core/page.ts';

function pointers(request: PageRequest): readonly string[] {
  try {
    assertPageRequest(request, 100);
  } catch (error) {
    if (isAppError(error, 'INPUT_INVALID')) return error.faults.map((fault) => fault.pointer);
    throw error;
  }
  return [];
}

describe('assertPageRequest', () => {
  it('answers limit, direction and cursor', () => {
    expect(assertPageRequest({ first: 10 }, 100)).toEqual({ limit: 10, direction: 'forward' });
    expect(assertPageRequest({ first: 0, after: 'x' }, 100)).toEqual({ limit: 0, direction: 'forward', cursor: 'x' });
    expect(assertPageRequest({ last: 100, before: 'y' }, 100)).toEqual({ limit: 100, direction: 'backward', cursor: 'y' });
  });

  it.each<[PageRequest, string[]]>([
    [{}, ['']],
    [{ after: 'x' }, ['']],
    [{ first: 1, last: 1 }, ['/last']],
    [{ first: 1, before: 'x' }, ['/before']],
    [{ last: 1, after: 'x' }, ['/after']],
    [{ first: -1 }, ['/first']],
    [{ first: 101 }, ['/first']],
    [{ first: 1.5 }, ['/first']],
    [{ last: Number.NaN }, ['/last']],
    [{ first: 101, last: -1, before: 'x', after: 'y' }, ['/last', '/before', '/after', '/first', '/last']],
  ])('refuses %j', (request, expected) => {
    expect(pointers(request)).toEqual(expected);
  });
});
