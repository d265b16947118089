/** Why a step of a scenario did not succeed at once. */

/** Nobody knows whether it was done. */
export class LostConnection extends Error {}

/** The server said why. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Not over yet; asked again. */
export class NotYet extends Error {}
