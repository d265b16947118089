/** Several pieces of work at once; the first that fails stops the others. */

/**
 * The results in the order of the items. When one fails, the others are told to stop by their signal and waited for, and the
 * first failure is thrown.
 */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  { parallel, signal }: { readonly parallel: number; readonly signal: AbortSignal },
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const results: Result[] = [];
  const failures: unknown[] = [];
  const rest = items.entries();
  const runOne = async (): Promise<void> => {
    for (const [index, item] of rest) {
      if (both.aborted) return;
      try {
        results[index] = await work(item, both);
      } catch (error) {
        failures.push(error);
        stop.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, runOne));
  if (failures.length > 0) throw failures[0];
  signal.throwIfAborted();
  return results;
}
