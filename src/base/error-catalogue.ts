/** Every error Vitrine can answer, once: code, HTTP status, text, remedy, class (the CLI's exit code), and whether it may be shown. */

/** Classes, each with the exit code the CLI ends with. */
export const exitCodes = {
  internal: 1,
  usage: 2,
  invalid: 3,
  auth: 4,
  forbidden: 5,
  notFound: 6,
  conflict: 7,
  limit: 8,
  unavailable: 9,
  integrity: 10,
} as const;

type ErrorClass = keyof typeof exitCodes;

export interface ErrorEntry {
  readonly status: number;
  readonly class: ErrorClass;
  readonly text: string;
  readonly remedy: string;
  /** False: outside the process only INTERNAL is seen. */
  readonly shown: boolean;
}

function entry(status: number, errorClass: ErrorClass, text: string, remedy: string, shown = true): ErrorEntry {
  return { status, class: errorClass, text, remedy, shown };
}

export const errorCatalogue = {
  // Requests
  INTERNAL: entry(
    500,
    'internal',
    'Something went wrong inside Vitrine.',
    'Retry; if it stays, give the request id to the operator, whose log has the cause.',
  ),
  INPUT_INVALID: entry(400, 'invalid', 'The input is not valid.', 'Correct what each fault points at.'),
  REQUEST_MALFORMED: entry(400, 'invalid', 'The request could not be read.', 'Send well-formed JSON of the documented shape.'),
  REQUEST_TOO_LARGE: entry(413, 'limit', 'The request is larger than this server accepts.', 'Send less at once.'),
  REQUEST_TIMEOUT: entry(408, 'unavailable', 'The request took too long.', 'Retry; ask for less at once if it stays.'),
  MEDIA_TYPE_UNSUPPORTED: entry(
    415,
    'invalid',
    'The content type is not accepted here.',
    'Send the content type the documentation names for this route.',
  ),
  METHOD_NOT_ALLOWED: entry(405, 'usage', 'This path does not take this method.', 'Use a method from the Allow header.'),
  PATH_NOT_FOUND: entry(404, 'notFound', 'There is nothing at this path.', 'Check the path against the documentation.'),
  QUERY_TOO_COMPLEX: entry(400, 'limit', 'The GraphQL document asks for too much at once.', 'Ask for less at once.'),
  CURSOR_INVALID: entry(
    400,
    'invalid',
    'The cursor is not one of this list.',
    'Start again without a cursor, or keep filter and order as they were.',
  ),
  RATE_LIMITED: entry(429, 'limit', 'Too many requests.', 'Wait as long as Retry-After says.'),
  // Who and may
  UNAUTHENTICATED: entry(
    401,
    'auth',
    'The caller is not known.',
    'Send a valid token as `Authorization: Bearer …` (make one with `vitrine token create`).',
  ),
  FORBIDDEN: entry(403, 'forbidden', 'The caller may not do this.', 'Ask an owner or an administrator of the project.'),
  TOKEN_NOT_FOUND: entry(404, 'notFound', 'There is no such token.', 'List tokens with `vitrine token list`.'),
  // Jobs
  JOB_NOT_FOUND: entry(404, 'notFound', 'There is no such job.', 'List jobs with `vitrine jobs list`; old ones are forgotten.'),
  JOB_STATE_CONFLICT: entry(409, 'conflict', 'The state of the job does not allow it.', 'Look at it with `vitrine jobs show`.'),
  // Artifacts
  ARTIFACT_NOT_FOUND: entry(
    404,
    'notFound',
    'There is no such artifact.',
    'Check the reference; what you may not see answers the same.',
  ),
  FAMILY_NOT_FOUND: entry(
    404,
    'notFound',
    'There is no such family.',
    'Check project, type and name; what you may not see answers the same.',
  ),
  VERSION_NO_MATCH: entry(
    404,
    'notFound',
    'No version of this family matches the range.',
    'Widen the range; the candidates are listed.',
  ),
  REFERENCE_INVALID: entry(
    400,
    'invalid',
    'The artifact reference cannot be read.',
    'Write [project/]type/name[@range], or an id.',
  ),
  NAME_INVALID: entry(
    400,
    'invalid',
    'The name is not allowed.',
    'Use NFC text of 1 to 255 characters without control or bidirectional-override characters.',
  ),
  VERSION_INVALID: entry(
    400,
    'invalid',
    'The version is not SemVer 2.0.0.',
    'Write it like 1.2.3 or 1.2.3-rc.1, without a leading v or =.',
  ),
  RANGE_INVALID: entry(
    400,
    'invalid',
    'The version range cannot be read.',
    'Write it as node-semver does: ^1.2, >=1 <3, 1.x || 2.x.',
  ),
  TYPE_UNKNOWN: entry(400, 'invalid', 'No such artifact type is loaded.', 'List the types with `vitrine types list`.'),
  TYPE_UNLOADED: entry(
    409,
    'conflict',
    'The type of this artifact is not loaded on this server, so it cannot be changed.',
    'Load the type again.',
  ),
  TYPE_INVALID: entry(
    500,
    'invalid',
    'An artifact type does not load.',
    'Correct what each fault points at; `vitrine types check DIR` shows them.',
  ),
  TYPE_VERSION_CHANGED: entry(
    500,
    'conflict',
    'A released type version has another digest than the database knows.',
    'Restore the released JSON Schema, slots and dependency rules, and publish the change as a new type version.',
  ),
  TYPE_HOOK_FAILED: entry(
    500,
    'internal',
    'A hook of the artifact type failed.',
    'This is a fault of the type, not of the artifact: tell its author.',
  ),
  PROPERTIES_INVALID: entry(422, 'invalid', 'The properties do not satisfy the type.', 'Correct what each fault points at.'),
  PROPERTY_IMMUTABLE: entry(409, 'conflict', 'A published artifact keeps this property as it is.', 'Publish a new version.'),
  PROPERTY_SYSTEM_WRITTEN: entry(403, 'forbidden', 'This property is written by Vitrine only.', 'Leave it out.'),
  TAG_INVALID: entry(
    400,
    'invalid',
    'The tag is not allowed.',
    'Use 1 to 255 characters without control characters; at most 128 tags.',
  ),
  REVISION_CONFLICT: entry(
    409,
    'conflict',
    'The object has changed since it was read.',
    'Read it again and repeat the change on the current revision.',
  ),
  STATE_CONFLICT: entry(409, 'conflict', 'The artifact is in a state that does not allow this.', 'Look at its state.'),
  PRECONDITION_FAILED: entry(
    412,
    'conflict',
    'A precondition of the request does not hold.',
    'Read the object again: it is not the one the request names.',
  ),
  VERSION_EXISTS: entry(
    409,
    'conflict',
    'This family already has this version with other content.',
    'Publish under a new version.',
  ),
  ID_TAKEN: entry(409, 'conflict', 'The id is or was in use.', 'Choose another id, or let Vitrine choose.'),
  KEY_REUSED: entry(409, 'conflict', 'The idempotency key was used with another request.', 'Use a new key for a new request.'),
  ARTIFACT_PROTECTED: entry(409, 'conflict', 'The artifact is protected from deletion.', 'Unprotect it first.'),
  ARTIFACT_REQUIRED: entry(
    409,
    'conflict',
    'Active artifacts of the same project depend on this one.',
    'Delete those first, or yank this one instead.',
  ),
  ARTIFACT_DEACTIVATED: entry(
    403,
    'forbidden',
    'The artifact is deactivated; its bytes are withheld.',
    'Ask its project, or an administrator, to reactivate it.',
  ),
  ARTIFACT_DELETED: entry(409, 'conflict', 'The artifact is deleted, if not yet for good.', 'Restore it with `vitrine restore`.'),
  AUDIENCE_TOO_WIDE: entry(
    409,
    'conflict',
    'A dependency cannot be seen by everyone who could see this artifact.',
    'Share the dependencies that are named, or keep this artifact narrower.',
  ),
  MEMBER_NOT_FOUND: entry(404, 'notFound', 'The artifact is not shared with this project.', 'List its members.'),
  MEMBER_EXISTS: entry(409, 'conflict', 'The artifact is already shared with this project.', 'Nothing to do.'),
  MEMBERS_NOT_SHARED: entry(
    409,
    'conflict',
    'Only an artifact of visibility `shared` has members.',
    'Set its visibility to `shared` first.',
  ),
  LIMIT_EXCEEDED: entry(413, 'limit', 'A limit of this server was reached.', 'Use less, or ask the operator to raise the limit.'),
  // Dependencies
  DEPENDENCY_INVALID: entry(422, 'invalid', 'A dependency is not allowed by the type.', 'Correct what each fault points at.'),
  DEPENDENCY_UNRESOLVED: entry(
    409,
    'conflict',
    'A dependency could not be resolved.',
    'See the problem of each dependency: no match, not found, conflict or cycle.',
  ),
  CLOSURE_INCOMPLETE: entry(
    409,
    'conflict',
    'The closure is not complete.',
    'See its problems; ask with partial delivery allowed to get the rest.',
  ),
  CLOSURE_TOO_LARGE: entry(413, 'limit', 'The closure has more nodes than this server delivers.', 'Ask for a smaller root.'),
  PROJECTION_INVALID: entry(409, 'conflict', 'The closure does not fit this projection.', 'See the faults.'),
  // Bytes
  SLOT_UNKNOWN: entry(422, 'invalid', 'The type has no such slot.', 'Look at the slots of the type with `vitrine types list`.'),
  SLOT_MISSING: entry(422, 'invalid', 'A required slot has no blob.', 'Upload it, then publish.'),
  SLOT_FULL: entry(422, 'limit', 'The slot holds as many blobs as its type allows.', 'Remove one first.'),
  PATH_INVALID: entry(
    400,
    'invalid',
    'The path is not a normalised relative path.',
    'Use forward slashes, no empty, `.` or `..` segment, no control characters, at most 1024 bytes.',
  ),
  PATH_TAKEN: entry(
    409,
    'conflict',
    'Another blob has this path, or one that some file systems take for it.',
    'Choose another path; case alone does not tell two paths apart.',
  ),
  BLOB_NOT_FOUND: entry(404, 'notFound', 'The slot holds no blob.', 'Look at the slots of the artifact.'),
  PACK_MALFORMED: entry(400, 'invalid', 'The pack cannot be read.', 'Send a whole plain tar of files, uncompressed.'),
  BLOB_DIGEST_MISMATCH: entry(
    400,
    'integrity',
    'The bytes received do not have the declared digest.',
    'Send them again; nothing was kept.',
  ),
  BLOB_SIZE_MISMATCH: entry(
    400,
    'integrity',
    'Another number of bytes was received than was declared.',
    'Send them again; nothing was kept.',
  ),
  BLOB_TOO_LARGE: entry(
    413,
    'limit',
    'The blob is larger than its slot or this server accepts.',
    'Send a smaller one, or ask the operator to raise the limit.',
  ),
  BLOB_UNAVAILABLE: entry(
    503,
    'unavailable',
    'The bytes cannot be read from their store now.',
    'Retry; tell the operator if it stays.',
  ),
  BLOB_REFUSED: entry(422, 'invalid', 'The type refuses these bytes.', 'See the faults.'),
  DIGEST_INVALID: entry(
    400,
    'invalid',
    'The digest cannot be read.',
    'Write sha256:<64 lower-case hexadecimal digits>, or a Repr-Digest field.',
  ),
  DIGEST_UNSUPPORTED: entry(400, 'invalid', 'The digest algorithm is not one Vitrine computes.', 'Use sha-256, sha-512 or md5.'),
  RANGE_NOT_SATISFIABLE: entry(416, 'invalid', 'The range lies outside the blob.', 'Ask for bytes the blob has.'),
  UPLOAD_BUSY: entry(409, 'conflict', 'Another request is writing this slot.', 'Wait until it ends, or until its lease expires.'),
  UPLOAD_INTERRUPTED: entry(
    400,
    'integrity',
    'The connection ended before all bytes had come.',
    'Send them again; an upload that can be continued goes on where it stands.',
  ),
  UPLOAD_NOT_FOUND: entry(404, 'notFound', 'There is no such upload.', 'Begin a new one.'),
  UPLOAD_GONE: entry(410, 'notFound', 'The upload has expired, failed or was ended.', 'Begin a new one.'),
  UPLOAD_OFFSET_MISMATCH: entry(
    409,
    'conflict',
    'The upload stands at another offset.',
    'Ask for its offset with HEAD, and go on from there.',
  ),
  UPLOAD_LOCKED: entry(
    423,
    'conflict',
    'Another request is writing to this upload.',
    'Ask for its offset with HEAD a little later, and go on from there.',
  ),
  UPLOAD_CHECKSUM_MISMATCH: entry(
    460,
    'integrity',
    'The bytes of this request do not have the checksum that was sent with them.',
    'Send them again, at the same offset; nothing of them was kept.',
  ),
  UPLOAD_INCOMPLETE: entry(409, 'conflict', 'An upload to be joined has not all its bytes.', 'Finish it first.'),
  UPLOAD_FINAL: entry(403, 'forbidden', 'Nothing is appended to an upload that joins others.', 'Begin a new one.'),
  TUS_VERSION_UNSUPPORTED: entry(
    412,
    'invalid',
    'This version of the upload protocol is not spoken here.',
    'Send `Tus-Resumable: 1.0.0`.',
  ),
  STORE_FULL: entry(507, 'unavailable', 'The store has no room.', 'Free room or add a store.'),
  STORE_UNAVAILABLE: entry(503, 'unavailable', 'The store does not answer.', 'Retry; tell the operator if it stays.'),
  STORE_UNKNOWN: entry(400, 'invalid', 'No such store is configured.', 'See the configured stores with `vitrine config`.'),
  STORE_NOT_RESUMABLE: entry(
    400,
    'invalid',
    'The store takes blobs in one request only.',
    'Send the blob with one PUT, or into another store.',
  ),
  STORE_MISMATCH: entry(
    500,
    'conflict',
    'The store is not the one the database knows under this id.',
    'Point the store at its own folder or bucket, or give it another id.',
  ),
  // Running the server
  CONFIG_INVALID: entry(
    500,
    'usage',
    'The configuration is not valid.',
    'Correct what each fault points at; `vitrine config --help` lists the settings.',
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
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
