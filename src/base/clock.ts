/** Time for what stays on this node (progress, timeouts); leases and expiries use the database's clock. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
