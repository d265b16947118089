/** Every error Vitrine can answer, once: code, HTTP status, text, remedy, class (the CLI's exit code), and whether it may be shown. */
import { artifactErrors } from './errors/artifact-errors.ts';
import { blobErrors } from './errors/blob-errors.ts';
import { requestErrors } from './errors/request-errors.ts';
import { serverErrors } from './errors/server-errors.ts';

export { exitCodes } from './errors/error-entry.ts';

/** In the order in which the documents list them. */
export const errorCatalogue = { ...requestErrors, ...artifactErrors, ...blobErrors, ...serverErrors } as const;

export type ErrorCode = keyof typeof errorCatalogue;
