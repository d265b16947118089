/** What the catalogue says of an error, and the classes errors fall into. */

/** Classes, each with the exit code the CLI ends with. */
export const exitCodes = {
  internal: 1,
  usage: 2,
  invalid: 3,
  auth: 4,
  forbidden: 5,
  notFound: 6,
  conflict: 7,
  limit: 8,
  unavailable: 9,
  integrity: 10,
} as const;

type ErrorClass = keyof typeof exitCodes;

export interface ErrorEntry {
  readonly status: number;
  readonly class: ErrorClass;
  readonly text: string;
  readonly remedy: string;
  /** False: outside the process only INTERNAL is seen. */
  readonly shown: boolean;
}

export function entry(status: number, errorClass: ErrorClass, text: string, remedy: string, shown = true): ErrorEntry {
  return { status, class: errorClass, text, remedy, shown };
}
