/** Health and metrics of a process that answers nothing else. */
import type { Database } from '#metadata/database.ts';
import type { Address } from './listen.ts';
import type { Metrics } from './metrics.ts';
import { openOpsListener } from './mount-ops.ts';

export interface OpsServer extends AsyncDisposable {
  /** Undefined without an address. */
  readonly url: string | undefined;
}

/** @throws AppError ADDRESS_UNAVAILABLE */
export async function startOpsServer(db: Database, metrics: Metrics, address: Address | undefined): Promise<OpsServer> {
  let isOpen = true;
  const health = { isOpen: () => isOpen, ping: () => db.query({ name: 'ping', text: 'SELECT 1' }) };
  const listener = await openOpsListener(address, { health, metrics });
  return {
    url: listener?.url,
    [Symbol.asyncDispose]: async () => {
      isOpen = false;
      await listener?.[Symbol.asyncDispose]();
    },
  };
}
