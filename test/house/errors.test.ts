import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCatalogue, exitCodes } from '#base/error-catalogue.ts';
import { readModules, root } from './modules.ts';

const codes = Object.keys(errorCatalogue);
const catalogueFolder = 'src/base/errors/';

describe('the error catalogue', () => {
  it('has every code thrown or answered somewhere in the source', () => {
    const text = readModules()
      .filter(({ path }) => (path.startsWith('src/') || path.startsWith('artifact-types/')) && !path.startsWith(catalogueFolder))
      .map((module) => module.text)
      .join('\n');
    expect(codes.filter((code) => !new RegExp(`['"]${code}['"]`).test(text))).toEqual([]);
  });

  it('has each code in one group only, where a second entry would hide the first', () => {
    const groups = readModules().filter(({ path }) => path.startsWith(catalogueFolder));
    const entries = groups.flatMap(({ text }) => [...text.matchAll(/^ {2}([A-Z_]+): entry\(/gm)].map((match) => match[1] ?? ''));
    expect(entries.toSorted()).toEqual(codes.toSorted());
  });

  it('has a row for each code in docs/errors.md, with status, exit code, text and remedy, and no other row', () => {
    const rows = readFileSync(join(root, 'docs/errors.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.replace(/ +/g, ' '));
    const expected = Object.entries(errorCatalogue).map(
      ([code, entry]) =>
        `| \`${code}\` | ${entry.status} | ${exitCodes[entry.class]} | ${entry.text} | ${entry.remedy.replaceAll('|', '\\|')} |`,
    );
    expect(rows).toEqual(expected);
  });

  it('gives each code a name of the form NOUN_PROBLEM, a sentence and a remedy', () => {
    for (const [code, entry] of Object.entries(errorCatalogue)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(entry.text).toMatch(/^[A-Z].*\.$/);
      expect(entry.remedy).toMatch(/^[A-Z].*[.>]$/);
      expect(entry.status).toBeGreaterThanOrEqual(400);
    }
  });
});
