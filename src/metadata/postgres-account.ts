/** As whom the embedded PostgreSQL runs: it refuses to be root or nameless, so it gets a user namespace or the folder's owner. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import { AppError } from '#base/app-error.ts';

const run = promisify(execFile);

export interface PostgresAccount {
  /** Programs that replace themselves by the one that follows them, so that the child's pid is PostgreSQL's. */
  readonly wrapper: readonly string[];
  /** Set where the child changes to the folder's owner. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

const nobody = 65534;
const namespaceWrapper = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`];

/**
 * @param folder exists already; PostgreSQL's files will stand in it
 * @param owned whose owner is asked for where a namespace is refused: the data folder, which an operator can give away
 * @throws AppError DATA_DIR_UNUSABLE where neither a namespace nor an owner other than root is to be had
 */
export async function choosePostgresAccount(folder: string, owned = folder): Promise<PostgresAccount> {
  const [account, wrapper] = await Promise.all([chooseUser(folder, owned), parentDeathWrapper()]);
  return { ...account, wrapper: [...account.wrapper, ...wrapper] };
}

async function chooseUser(folder: string, owned: string): Promise<PostgresAccount> {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && hasName()) return { wrapper: [], uid: undefined, gid: undefined };
  // Inside the namespace root has lost its power over other users' folders: ask for the very folder.
  if (await succeeds([...namespaceWrapper, 'test', '-w', folder])) {
    return { wrapper: namespaceWrapper, uid: undefined, gid: undefined };
  }
  if (!isRoot) {
    throw new AppError(
      'DATA_DIR_UNUSABLE',
      `PostgreSQL needs a user with a name, ${process.getuid?.()} has none, and this system refuses user namespaces. ` +
        'Start Vitrine as a user of /etc/passwd, or point DATABASE_URL at a server.',
    );
  }
  const owner = await stat(owned);
  if (owner.uid !== 0) return { wrapper: [], uid: owner.uid, gid: owner.gid };
  throw new AppError(
    'DATA_DIR_UNUSABLE',
    `PostgreSQL does not run as root, this system refuses user namespaces, and root owns ${owned}. ` +
      'Start Vitrine as an ordinary user, give the data folder to one (chown -R USER DIR), or point DATABASE_URL at a server.',
  );
}

/** initdb looks itself up in the user database; containers run under numbers that are not in it. */
function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

/** On Linux the kernel sends PostgreSQL a fast shutdown when Vitrine is gone, however it went. */
async function parentDeathWrapper(): Promise<readonly string[]> {
  if (process.platform !== 'linux') return [];
  const wrapper = ['setpriv', '--pdeathsig', 'INT'];
  return (await succeeds([...wrapper, 'true'])) ? wrapper : [];
}

async function succeeds(command: readonly string[]): Promise<boolean> {
  const [program, ...args] = command;
  if (program === undefined) return false;
  try {
    await run(program, args);
    return true;
  } catch {
    return false;
  }
}
