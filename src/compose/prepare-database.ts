/** The database that everything else stands on: an external one, or the embedded one; of this version when it is handed out. */
import type { Logger } from 'pino';
import { AppError } from '#base/app-error.ts';
import type { Config } from '#config/config.ts';
import { inspectMigrations, migrate, startEmbeddedPostgres } from '#metadata/metadata.ts';

export interface PreparedDatabase {
  readonly url: string;
  /** No other node can be on it. */
  readonly isSole: boolean;
  /** Resolves when the embedded server is gone. */
  readonly exited: Promise<void> | undefined;
}

/** A database of this version: an external one, or the embedded one, which then stops last. */
export async function prepareDatabase(config: Config, stack: AsyncDisposableStack, log: Logger): Promise<PreparedDatabase> {
  const { url, directUrl, autoMigrate } = config.database;
  if (url === undefined) {
    const embedded = stack.use(
      await startEmbeddedPostgres({ dataDir: config.dataDir, onNotice: (message) => log.info(message) }),
    );
    await migrate({ url: embedded.url });
    return { url: embedded.url, isSole: true, exited: embedded.exited };
  }
  const direct = directUrl ?? url;
  if (autoMigrate) await migrate({ url: direct });
  else {
    const { pending } = await inspectMigrations({ url: direct });
    if (pending.length > 0) throw new AppError('DATABASE_OUTDATED', `The database lacks ${pending.join(', ')}.`);
  }
  return { url, isSole: false, exited: undefined };
}
