/** A connection that is no reason for this process to go on: its server may never answer the goodbye. */

/** The driver has it, its types do not say so. */
export function unrefClient(client: object): void {
  if ('unref' in client && typeof client.unref === 'function') client.unref();
}
