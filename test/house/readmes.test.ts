import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderDefaultDecisions } from '#policy/decide-default.ts';
import { renderConfiguration, renderErrors } from '../../docs/write-tables.ts';
import { root } from './modules.ts';

const rooms = readdirSync(join(root, 'src')).filter((name) => statSync(join(root, 'src', name)).isDirectory());
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

describe('the documents', () => {
  it('give every room a README of at most 60 lines with its job, its door, what it imports and its decisions', () => {
    expect(rooms.length).toBeGreaterThanOrEqual(13);
    for (const room of rooms) {
      const text = read(`src/${room}/README.md`);
      expect(text.trimEnd().split('\n').length, room).toBeLessThanOrEqual(60);
      for (const heading of ['Job', 'Door', 'May import', 'Decisions'])
        expect(text, `${room}: ${heading}`).toMatch(new RegExp(`^#+ .*${heading}|^\\*\\*${heading}`, 'm'));
    }
  });

  it('list every room in the table of the architecture page, and no other', () => {
    const listed = [...read('docs/architecture.md').matchAll(/^\| `([a-z]+)` +\|/gm)].map((match) => match[1]);
    expect(new Set(listed)).toEqual(new Set(rooms));
  });

  it('list every spec in the table of the specs, and no other', () => {
    const files = readdirSync(join(root, 'docs/specs')).filter((name) => /^\d{4}-/.test(name));
    const listed = [...read('docs/specs/README.md').matchAll(/\((\d{4}-[^)]+)\)/g)].map((match) => match[1]);
    expect(listed).toEqual(files.sort());
  });

  it('link only to what is there', () => {
    const pages = globSync(
      ['README.md', 'docs/**/*.md', 'src/*/README.md', 'artifact-types/*/README.md', 'bench/*.md', 'deploy/*.md'],
      { cwd: root },
    );
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)]
        .map((match) => match[1] ?? '')
        .filter((link) => !existsSync(join(root, dirname(page), link)))
        .map((link) => `${page} → ${link}`),
    );
    expect(pages.length).toBeGreaterThan(15);
    expect(broken).toEqual([]);
  });

  it('are written from the code where they are tables of it', () => {
    expect(read('docs/errors.md')).toBe(renderErrors());
    expect(read('docs/configuration.md')).toBe(renderConfiguration());
  });

  it('have beside them what the shipped policies decide, as Cedar decides it', async () => {
    expect(read('src/policy/default-decisions.json')).toBe(await renderDefaultDecisions());
  });

  it('name no file of a machine and no registry host', () => {
    const tracked = globSync(
      [
        '*.md',
        '*.json',
        'src/**/*.{ts,js,md}',
        'docs/**/*.md',
        'test/**/*.{ts,py}',
        'bench/**/*.{ts,md}',
        'deploy/**/*',
        '.ci/*',
        'package-lock.json',
      ],
      { cwd: root },
    );
    const wrong = tracked.filter(
      (path) =>
        statSync(join(root, path)).isFile() &&
        /registry\.npmjs|proxy\.golang|\/root\/|\/work\/main/.test(read(path)) &&
        !path.startsWith('test/house'),
    );
    expect(wrong).toEqual([]);
  });
});
