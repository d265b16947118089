/** A new artifact type from the example to copy: its folder, with the names in the manifest changed. */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { isJsonObject } from '#base/json.ts';
import { packageRoot } from '#base/package-root.ts';
import { assertTypeName } from '#core/names.ts';

/** Folder of the example type in the package. */
const exampleFolder = 'artifact-types/_example';

/** Makes `<parent>/<type>`; answers the folder. @throws AppError NAME_INVALID, OUTPUT_EXISTS, FILE_UNREADABLE */
export async function createTypeFolder(type: string, parent: string): Promise<string> {
  const folder = join(parent, assertTypeName(type));
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new AppError('FILE_UNREADABLE', `${folder} cannot be made: ${cause.message}`, { cause });
  });
  if ((await readdir(folder)).length > 0) throw new AppError('OUTPUT_EXISTS', `${folder} is not empty.`);
  await cp(join(packageRoot(), exampleFolder), folder, { recursive: true });
  await renameType(join(folder, 'manifest.json'), type);
  return folder;
}

/** The type itself, and where it speaks of itself as a target. */
async function renameType(path: string, type: string): Promise<void> {
  const manifest: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (!isJsonObject(manifest)) throw new AppError('FILE_UNREADABLE', `${path} is not a JSON object.`);
  const old = manifest['type'];
  const words = type.split('-').join(' ');
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  const changed: unknown = JSON.parse(JSON.stringify(manifest), (_key, value: unknown) => (value === old ? type : value));
  const { graphql: _graphql, ...rest } = isJsonObject(changed) ? changed : {};
  await writeFile(path, `${JSON.stringify({ ...rest, title }, null, 2)}\n`);
}
