/** Writes the tables of `docs/` that are generated from code: `npm run docs`. The house tests fail when one is out of step. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCatalogue, exitCodes } from '#base/error-catalogue.ts';

export function renderErrors(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.status} | ${exitCodes[entry.class]} | ${entry.text} | ${entry.remedy.replaceAll('|', '\\|')} |`,
  );
  return [
    '# Errors',
    '',
    'Every error has a code that is the same on all planes: `extensions.code` or a typed result in GraphQL, `code` in a problem document',
    '(RFC 9457) on the native HTTP plane, the line the CLI prints. *Status* is the HTTP status; *exit* is what the CLI ends with.',
    'The image facade answers in the shapes its clients expect, with the same statuses unless its API says otherwise.',
    'Generated from `src/base/error-catalogue.ts` by `npm run docs`.',
    '',
    '| code | status | exit | meaning | what to do |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, 'errors.md'), renderErrors());
}
