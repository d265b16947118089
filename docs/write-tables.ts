/** Writes what is generated from code (tables of `docs/`, decisions of the shipped policies): `npm run docs`. House tests tell when one is out of step. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCatalogue, exitCodes } from '#base/error-catalogue.ts';
import { packageRoot } from '#base/package-root.ts';
import { renderSettings } from '#config/config.ts';
import { describePlanes } from '#http/openapi.ts';
import { renderDefaultDecisions } from '#policy/decide-default.ts';
import { imagePlane } from '#rest/images/image-routes.ts';
import { transferPlane } from '#transfers/transfer-routes.ts';

/** Columns that line up, as the formatter wants them. */
export function alignTables(text: string): string {
  return text.replace(/(^\|.*\|\n)+/gm, (table) => {
    const rows = table
      .trimEnd()
      .split('\n')
      .map((line) =>
        line
          .slice(1, -1)
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      );
    const widths =
      rows[0]?.map((_, column) => Math.max(3, ...rows.map((row) => (isRule(row) ? 0 : [...(row[column] ?? '')].length)))) ?? [];
    const lines = rows.map((row) => {
      const cells = row.map((cell, column) => (isRule(row) ? '-'.repeat(widths[column] ?? 3) : cell.padEnd(widths[column] ?? 0)));
      return `| ${cells.join(' | ')} |\n`;
    });
    return lines.join('');
  });
}

function isRule(row: readonly string[]): boolean {
  return row.every((cell) => /^-+$/.test(cell));
}

export function renderErrors(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, entry]) =>
      `| \`${code}\` | ${entry.status} | ${exitCodes[entry.class]} | ${entry.text} | ${entry.remedy.replaceAll('|', '\\|')} |`,
  );
  return alignTables(
    [
      '# Errors',
      '',
      'Every error has a code that is the same on all planes: `extensions.code` or a typed result in GraphQL, `code` in a problem document',
      '(RFC 9457) on the native HTTP plane, the line the CLI prints. _Status_ is the HTTP status; _exit_ is what the CLI ends with.',
      'The image facade answers in the shapes its clients expect, with the same statuses unless its API says otherwise.',
      'Generated from `src/base/errors/` by `npm run docs`.',
      '',
      '| code | status | exit | meaning | what to do |',
      '|---|---|---|---|---|',
      ...rows,
      '',
    ].join('\n'),
  );
}

export function renderConfiguration(): string {
  return alignTables(
    [
      '# Configuration',
      '',
      'Vitrine needs none to start. Each setting may be given in a file, by environment variables, and most by flags of `vitrine serve`;',
      'a later one of these wins. `vitrine config` prints what is in force and from where, with secrets masked.',
      '',
      '- **File**: JSON or YAML with the settings by section, named by `--config FILE`, else by `VITRINE_CONFIG`, else `vitrine.yaml`',
      '  in the data folder. Relative paths in it are relative to it.',
      '- **Variables**: as below. Any of them with `_FILE` after its name is read from the file it names, for secrets. An empty one',
      '  counts as not set; an unknown one that begins with `VITRINE_` is an error.',
      '- **Lists**: words between commas; `stores` as JSON.',
      '',
      'Every mistake of every source is told at once, and the server does not start.',
      '',
      '## Stores',
      '',
      '```yaml',
      'defaultStore: big',
      'stores:',
      '  - { name: local, kind: filesystem, path: /srv/vitrine/blobs }',
      '  - { name: big, kind: s3, endpoint: https://s3.example.org, bucket: vitrine, accessKey: key, secretKey: secret }',
      '```',
      '',
      'A store of kind `s3` may also have `region`, `pathStyle`, `createBucket`, `spoolDir` (where large parts of huge uploads wait) and',
      '`idleTimeoutMs`; one of kind `filesystem` may have `leftoverAgeMs` (half-written files older than this go at the next start). With',
      'variables alone: `VITRINE_STORES_FILE=/run/secrets/stores.json`. More than one node needs an external database, stores that all of them',
      'reach, and the same `instanceKey`.',
      '',
      '## Settings',
      '',
      'Generated from `src/config/config-schema.ts` by `npm run docs`.',
      '',
      renderSettings(),
    ].join('\n'),
  );
}

/** As the server serves it, spread over lines. */
export function renderOpenApi(): string {
  const manifest: { readonly version: string } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  return `${JSON.stringify(describePlanes([transferPlane, imagePlane], manifest.version), null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, 'openapi.json'), renderOpenApi());
  writeFileSync(join(import.meta.dirname, 'configuration.md'), renderConfiguration());
  writeFileSync(join(import.meta.dirname, 'errors.md'), renderErrors());
  writeFileSync(join(import.meta.dirname, '../src/policy/default-decisions.json'), await renderDefaultDecisions());
}
