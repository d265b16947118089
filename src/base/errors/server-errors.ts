/** Errors of running a server, and of the command line. */
import { type ErrorEntry, entry } from './error-entry.ts';

export const serverErrors = {
  // Running the server
  CONFIG_INVALID: entry(
    500,
    'usage',
    'The configuration is not valid.',
    'Correct what each fault points at; `vitrine config --help` lists the settings.',
  ),
  POLICY_INVALID: entry(
    500,
    'usage',
    'The policies are not valid.',
    'Correct what each fault points at; `vitrine policy check` says the same without a start.',
  ),
  DATA_DIR_IN_USE: entry(
    500,
    'conflict',
    'Another Vitrine runs on this data folder.',
    'Stop it, or choose another folder with --data-dir.',
  ),
  DATA_DIR_NEWER: entry(
    500,
    'conflict',
    'The data folder belongs to a newer version.',
    'Run the version that wrote it, or a newer one.',
  ),
  DATA_DIR_UNUSABLE: entry(
    500,
    'usage',
    'The data folder cannot be used.',
    'See the reason; choose a folder its owner can write.',
  ),
  DATABASE_NEWER: entry(
    500,
    'conflict',
    'The database has migrations this version does not know.',
    'Run the version that wrote it, or a newer one.',
  ),
  DATABASE_OUTDATED: entry(
    500,
    'usage',
    'The database lacks migrations of this version.',
    'Run `vitrine db migrate`, or set database.autoMigrate.',
  ),
  DATABASE_UNAVAILABLE: entry(503, 'unavailable', 'The database does not answer.', 'Retry; tell the operator if it stays.'),
  IDENTITY_UNAVAILABLE: entry(
    503,
    'unavailable',
    'Nobody can say at the moment whom the token stands for.',
    'Retry; tell the operator if it stays: Keystone does not answer, or not to this server.',
  ),
  READ_ONLY: entry(
    503,
    'unavailable',
    'Vitrine is read-only for the time being.',
    'Read and download as usual; write again when the operator has ended it.',
  ),
  DATABASE_UNSUPPORTED: entry(500, 'usage', 'The database server is too old.', 'Use PostgreSQL 15 or newer.'),
  MIGRATION_FAILED: entry(
    500,
    'unavailable',
    'A migration of the database failed; nothing of it was kept.',
    'See the reason: often the user may not create tables. Then run `vitrine db migrate` again.',
  ),
  INSTANCE_KEY_MISMATCH: entry(
    500,
    'usage',
    'This node has another instance key than the database knows.',
    'Put back `instance.key` of the data folder, or give every node of one database the same VITRINE_INSTANCE_KEY.',
  ),
  ADDRESS_UNAVAILABLE: entry(
    500,
    'usage',
    'The server cannot listen at its address.',
    'Stop what listens there, or choose another address with --host and --port.',
  ),
  // The CLI
  USAGE: entry(400, 'usage', 'The command line cannot be understood.', 'See `vitrine --help`.'),
  SERVER_UNREACHABLE: entry(
    503,
    'unavailable',
    'No Vitrine answers at this address.',
    'Start one with `vitrine serve`, or set VITRINE_URL.',
  ),
  FILE_UNREADABLE: entry(400, 'usage', 'A local file or folder cannot be read.', 'Check the path and its permissions.'),
  OUTPUT_EXISTS: entry(
    409,
    'conflict',
    'The output exists already and is not empty.',
    'Choose another folder; `vitrine pull` has --force to write into this one.',
  ),
  OUTPUT_UNWRITABLE: entry(
    500,
    'internal',
    'The output of a command cannot be written.',
    'Make room, or send the output elsewhere; what the command had done before stands.',
  ),
} as const satisfies Record<string, ErrorEntry>;
