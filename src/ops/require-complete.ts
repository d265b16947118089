/** Orchestrators get a whole closure or an error that says what is missing. */
import { AppError } from '#base/app-error.ts';
import type { JsonObject } from '#base/json.ts';
import type { Closure } from '#core/closure.ts';

/** @throws AppError CLOSURE_INCOMPLETE with every problem in its details */
export function requireComplete({ complete, problems }: Closure): void {
  if (complete) return;
  const unusable = problems.filter(({ usable }) => !usable);
  throw new AppError('CLOSURE_INCOMPLETE', unusable.map(({ message }) => message).join(' '), {
    details: { problems: problems.map((problem): JsonObject => ({ ...problem })) },
  });
}
