/** Listening, and what stands against it in words that an operator can act on. */
import { AppError } from '#base/app-error.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** @throws AppError ADDRESS_UNAVAILABLE where the system refuses the address */
export async function listening<Result>(attempt: Promise<Result>, { host, port }: Address): Promise<Result> {
  try {
    return await attempt;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const reason = reasons.get(code) ?? (cause instanceof Error ? cause.message : String(cause));
    throw new AppError('ADDRESS_UNAVAILABLE', `Vitrine cannot listen at ${host}:${port}: ${reason}.`, { cause });
  }
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'something listens there already'],
  ['EADDRNOTAVAIL', 'this machine does not have the address'],
  ['EACCES', 'the system does not allow this user the port'],
  ['ENOTFOUND', 'the host has no address'],
]);
