/** Relay's page arguments, checked once: which way, how many, from where. */
import { AppError, type Fault } from '#base/app-error.ts';
import type { PageRequest } from './filter.ts';

export interface PageSlice {
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  /** Rows follow (forward) or precede (backward) this cursor; it is not yet decoded. */
  readonly cursor?: string;
}

/** Exactly one of `first` and `last`, from 0 to `max`; `after` goes with `first`, `before` with `last`. @throws INPUT_INVALID */
export function assertPageRequest(request: PageRequest, max: number): PageSlice {
  const { first, last, after, before } = request;
  const faults: Fault[] = [];
  if (first === undefined && last === undefined) faults.push({ pointer: '', message: 'One of first and last is needed.' });
  if (first !== undefined && last !== undefined) faults.push({ pointer: '/last', message: 'first and last exclude each other.' });
  if (first !== undefined && before !== undefined) faults.push({ pointer: '/before', message: 'before goes with last.' });
  if (last !== undefined && after !== undefined) faults.push({ pointer: '/after', message: 'after goes with first.' });
  for (const [name, count] of Object.entries({ first, last })) {
    if (count === undefined || (Number.isInteger(count) && count >= 0 && count <= max)) continue;
    faults.push({ pointer: `/${name}`, message: `${name} is a whole number from 0 to ${max}.` });
  }
  if (faults[0] !== undefined) throw new AppError('INPUT_INVALID', faults[0].message, { faults });
  const cursor = after ?? before;
  return {
    limit: first ?? last ?? 0,
    direction: first === undefined ? 'backward' : 'forward',
    ...(cursor === undefined ? {} : { cursor }),
  };
}
