/** Starts a new artifact type as a copy of an example folder under another name. */
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { isJsonObject, type Json } from '#base/json.ts';
import { makeFolder } from '#base/make-folder.ts';
import { loadType } from './load-type.ts';

export interface NewTypeOptions {
  /** Kebab-case. */
  readonly name: string;
  /** The folder to copy, `artifact-types/_example`. */
  readonly example: string;
  /** The folder the new type's folder is made in. */
  readonly parent: string;
}

/** Gives the new folder. @throws AppError INPUT_INVALID, OUTPUT_EXISTS; TYPE_INVALID where the copy would not load */
export function newType({ name, example, parent }: NewTypeOptions): string {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 64) {
    throw new AppError(
      'INPUT_INVALID',
      `"${name.slice(0, 100)}" is no name of a type: write it in kebab-case, like heat-template.`,
      {
        faults: [{ pointer: '/name', message: 'must be kebab-case, at most 64 characters' }],
      },
    );
  }
  const target = join(resolve(parent), name);
  if (existsSync(target)) throw new AppError('OUTPUT_EXISTS', `${target} exists already.`);
  try {
    makeFolder(dirname(target));
  } catch (error) {
    throw new AppError(
      'FILE_UNREADABLE',
      `${dirname(target)} cannot be made: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  // Made beside its place and moved there whole, so that a server never sees half a type.
  const draft = join(dirname(target), `.${name}.${process.pid}`);
  try {
    cpSync(resolve(example), draft, { recursive: true, filter: (path) => !/\.test\.[jt]s$/.test(path) });
    rename(draft, name);
    const { faults } = loadType(draft);
    if (faults.length > 0)
      throw new AppError('TYPE_INVALID', `A type "${name}" does not load: ${faults[0]?.message}`, { faults });
    renameSync(draft, target);
    return target;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Puts the new name and title wherever the manifest, the schemas, the fixtures and the README say the old ones as a whole. */
function rename(folder: string, name: string): void {
  const old = writtenNames(folder);
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll('-', ' ')}`;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const change = (edit: (text: string) => string) => writeFileSync(path, edit(readFileSync(path, 'utf8')));
    if (!entry.isFile()) continue;
    if (entry.name === 'README.md') change((text) => text.replace(`# ${old.name}\n`, `# ${name}\n`));
    if (!entry.name.endsWith('.json')) continue;
    change((text) => text.replaceAll(`"title": "${old.title}`, `"title": "${title}`));
    // In a schema the same word may be anything: a value of an enum, a property.
    if (!entry.parentPath.endsWith('schemas')) change((text) => text.replaceAll(`"${old.name}"`, `"${name}"`));
  }
}

function writtenNames(folder: string): { readonly name: string; readonly title: string } {
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Json;
  const { type, title } = isJsonObject(manifest) ? manifest : {};
  return {
    name: typeof type === 'string' ? type : basename(folder),
    title: typeof title === 'string' ? title : basename(folder),
  };
}
