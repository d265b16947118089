/** The configured stores: which of them a blob may be put into, and for who looks after them where they are. */
import type { JsonObject } from '#base/json.ts';
import type { OpContext } from './context.ts';

export interface StoreView {
  readonly name: string;
  readonly isDefault: boolean;
}

export interface StoreDetail extends StoreView {
  /** `filesystem`, `s3`, … */
  readonly kind: string;
  /** Never a secret. */
  readonly facts: JsonObject;
}

/** By name. @throws AppError FORBIDDEN */
export function listStores(context: OpContext): readonly StoreView[] {
  const { caller, policy } = context;
  policy.authorise(caller, 'store:list', { project: caller.project });
  return details(context).map(({ name, isDefault }) => ({ name, isDefault }));
}

/** By name. @throws AppError FORBIDDEN */
export function listStoreDetails(context: OpContext): readonly StoreDetail[] {
  const { caller, policy } = context;
  policy.authorise(caller, 'store:detail', { project: caller.project });
  return details(context);
}

function details({ blobs }: OpContext): readonly StoreDetail[] {
  const stores = [...blobs.stores.values()].map(({ name, kind, facts = {} }) => {
    return { name, kind, facts, isDefault: name === blobs.defaultStore.name };
  });
  return stores.sort((one, other) => (one.name < other.name ? -1 : 1));
}
