/** Which draft a push fills: kept in a small file of the user's cache, so that a push that was killed is gone on with. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { isUuid } from '#base/id.ts';
import { isJsonObject } from '#base/json.ts';
import { makeFolder } from '#base/make-folder.ts';
import { canonicalJson, sha256Hex } from '#core/canonical-json.ts';
import type { CliIo } from './cli-io.ts';
import { textOf } from './json-values.ts';
import type { PushFile } from './push-files.ts';
import type { PushSpec } from './push-manifest.ts';

export interface PushState {
  /** The draft that an earlier push of the same began, if one is remembered. */
  read(): Promise<string | undefined>;
  /** Before the draft is made, so that no kill comes between. */
  write(draftId: string): Promise<void>;
  forget(): Promise<void>;
  /** A later push will find the draft. */
  isKept(): boolean;
}

const nothingKept: PushState = {
  read: async () => undefined,
  write: async () => undefined,
  forget: async () => undefined,
  isKept: () => false,
};

/**
 * What is pushed is the same when it goes to the same server, as the same caller, under the same version; without a version,
 * when all of it is the same. Where the cache cannot be written, a push works but is not remembered.
 */
export function openPushState(io: CliIo, server: URL, spec: PushSpec, files: readonly PushFile[]): PushState {
  const folder = findCacheFolder(io);
  if (folder === undefined) return nothingKept;
  const { type, name, version, project } = spec;
  const sameness =
    name !== undefined && version !== undefined
      ? { type, name, version, project: project ?? null }
      : { spec: JSON.parse(JSON.stringify(spec)), files: files.map(({ slot, path, file }) => ({ slot, path, file })) };
  // A token only as what tells callers apart: it cannot be had back from the name of a file.
  const caller = sha256Hex(io.env['VITRINE_TOKEN'] ?? '');
  const path = join(
    folder,
    'vitrine',
    'pushes',
    `${sha256Hex(canonicalJson({ server: server.href, caller, ...sameness }))}.json`,
  );
  let isKept = false;
  return {
    async read() {
      try {
        const state: unknown = JSON.parse(await readFile(path, 'utf8'));
        const id = isJsonObject(state) ? textOf(state['draft']) : '';
        isKept = isUuid(id);
        return isKept ? id : undefined;
      } catch {
        return undefined;
      }
    },
    async write(draft) {
      isKept = await tryWrite(path, `${JSON.stringify({ draft, server: server.href, type, name, version })}\n`);
    },
    forget: () => rm(path, { force: true }).catch(() => undefined),
    isKept: () => isKept,
  };
}

/** As the XDG Base Directory Specification has it: a relative path there does not count. */
function findCacheFolder({ env }: CliIo): string | undefined {
  const given = env['XDG_CACHE_HOME'];
  if (given !== undefined && isAbsolute(given)) return given;
  const home = env['HOME'];
  return home !== undefined && isAbsolute(home) ? join(home, '.cache') : undefined;
}

/** False where it cannot be written: a read-only home is no reason not to push. */
async function tryWrite(path: string, text: string): Promise<boolean> {
  try {
    makeFolder(dirname(path), 0o700);
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
    return true;
  } catch {
    return false;
  }
}
