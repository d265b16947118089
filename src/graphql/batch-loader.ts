/** Collects the keys asked for while one level of a query resolves, and reads them together. */

export interface BatchLoader<Key, Value> {
  /** Each key is read at most once in the life of the loader, which is one request, or since `forget`. */
  load(key: Key): Promise<Value>;
  /** What was read is read again from now on: something has changed. */
  forget(): void;
}

interface Batch<Key, Value> {
  readonly keys: Key[];
  readonly values: Promise<ReadonlyMap<Key, Value>>;
}

/** @param missing what a key answers that `read` left out */
export function createBatchLoader<Key, Value>(
  read: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
  missing: Value,
): BatchLoader<Key, Value> {
  const loaded = new Map<Key, Promise<Value>>();
  let open: Batch<Key, Value> | undefined;

  function openBatch(): Batch<Key, Value> {
    const keys: Key[] = [];
    const values = endOfLevel().then(() => {
      open = undefined;
      return read(keys);
    });
    return { keys, values };
  }

  return {
    load(key) {
      const known = loaded.get(key);
      if (known !== undefined) return known;
      open ??= openBatch();
      open.keys.push(key);
      const value = open.values.then((values) => values.get(key) ?? missing);
      loaded.set(key, value);
      return value;
    },
    forget: () => loaded.clear(),
  };
}

/** The executor resolves a level in microtasks; a tick queued behind them sees all of its keys. */
function endOfLevel(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
}
