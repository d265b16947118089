/**
 * Faults that `.ci/selftest` plants, each with the one test that must find it: its file and its full name, the edits as exact
 * text that stands once in its file. A fault names what a careless change could do; who moves the code moves the edit with it.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: text of sources
export const faults = [
  {
    name: 'a large object is not synced',
    file: 'test/blobs/drivers/filesystem-durability.test.ts',
    test: 'after a power cut > an object of 3000000 bytes is there whole',
    edits: [{ path: 'src/blobs/drivers/file-pages.ts', from: '  await state.file.datasync();\n', to: '' }],
  },
  {
    name: 'a small object is not synced',
    file: 'test/blobs/drivers/filesystem-durability.test.ts',
    test: 'after a power cut > an object of 100 bytes is there whole',
    edits: [
      {
        path: 'src/blobs/drivers/small-file.ts',
        from: '[syncFile(file), syncFolder(dirname(path))]',
        to: '[syncFolder(dirname(path))]',
      },
    ],
  },
  {
    name: 'a folder is not synced',
    file: 'test/blobs/drivers/filesystem-durability.test.ts',
    test: 'after a power cut > an object of 100 bytes is there whole',
    edits: [{ path: 'src/blobs/drivers/file-publish.ts', from: '    await handle.sync();\n', to: '' }],
  },
  {
    name: 'everything is visible to everybody',
    file: 'test/ops/visibility.test.ts',
    test: 'an artifact that is private > in state active > is read by stranger as the rule says',
    edits: [
      {
        path: 'src/metadata/visibility-sql.ts',
        from: "AND (${audienceSql(alias, viewer, `${alias}.state NOT IN ('draft', 'pending_delete')`)})",
        to: "AND (true OR ${audienceSql(alias, viewer, `${alias}.state NOT IN ('draft', 'pending_delete')`)})",
      },
    ],
  },
  {
    name: 'ranges take any prerelease',
    file: 'test/core/range.test.ts',
    test: 'satisfies > takes exactly what node-semver takes, of ranges written by its grammar',
    edits: [
      {
        path: 'src/core/range.ts',
        from: 'return version.isRelease || set.prereleaseCores.includes(version.core);',
        to: 'return true;',
      },
    ],
  },
  {
    name: 'ranges take any prerelease, in the database',
    file: 'test/ops/resolve-reference.test.ts',
    test: 'a reference by name > kit/lib@<2.0.0 is 1.10.0',
    edits: [
      {
        path: 'src/metadata/range-sql.ts',
        from: 'AND (${alias}.version_is_release OR s.cores ? ${alias}.version_core)',
        to: 'AND (true OR s.cores ? ${alias}.version_core)',
      },
    ],
  },
  {
    name: 'the ETag is constant',
    file: 'test/transfers/download.test.ts',
    test: 'a download > is the bytes, with digest, length, type and a name to save them under',
    edits: [{ path: 'src/transfers/send-blob.ts', from: '`"sha256:${entry.sha256}"`', to: '\'"constant"\'' }],
  },
  {
    name: 'the collector locks no rows',
    file: 'test/ops/collect-blobs.test.ts',
    test: 'collection > leaves alone what somebody is about to refer to, and finds the reference afterwards',
    edits: [{ path: 'src/metadata/collect-records.ts', from: ' ORDER BY id FOR UPDATE SKIP LOCKED', to: ' ORDER BY id' }],
  },
  {
    name: 'the collector does not look at leases',
    file: 'test/ops/collect-blobs.test.ts',
    test: 'collection > keeps what a lease holds until it runs out',
    edits: [
      {
        path: 'src/metadata/collect-records.ts',
        from: '    (SELECT true FROM lease h WHERE h.blob_id = ${blobId} AND h.expires_at > clock_timestamp() LIMIT 1),\n',
        to: '',
      },
    ],
  },
  {
    name: 'a deletion that is decided is taken back',
    file: 'test/ops/collect-blobs.test.ts',
    test: 'collection > takes no deletion back: the same bytes are stored anew, and stay when the old object goes',
    edits: [
      {
        path: 'src/metadata/blob-records.ts',
        from: "    ON CONFLICT (blob_id, store) WHERE state IN ('live', 'condemned') DO NOTHING RETURNING id`",
        to: '    WHERE NOT EXISTS (SELECT 1 FROM location WHERE blob_id = $2 AND store = $3) RETURNING id`',
      },
      {
        path: 'src/metadata/blob-records.ts',
        from: "WHERE blob_id = $1 AND store = $2 AND state IN ('live', 'condemned')\n    RETURNING id`",
        to: "WHERE blob_id = $1 AND store = $2 AND state IN ('live', 'condemned', 'deleting') RETURNING id`",
      },
    ],
  },
  {
    name: 'an offset is recorded before it is durable',
    file: 'test/ops/upload-sessions.test.ts',
    test: 'the offset of an upload > is never ahead of what the store has made durable',
    edits: [
      {
        path: 'src/blobs/passing-checkpoints.ts',
        from: '    const reached = await writer.checkpoint({ isPassing });\n',
        to: '    await onCheckpoint({ ...recorded, offset: recorded.offset + 1 });\n    const reached = await writer.checkpoint({ isPassing });\n',
      },
    ],
  },
  {
    name: 'a checkpoint does not wait for the disk',
    file: 'test/blobs/drivers/filesystem-durability.test.ts',
    test: 'after a power cut > an unfinished object has what its checkpoints told of, the first one and later ones',
    edits: [{ path: 'src/blobs/drivers/file-resumable.ts', from: '        await file.sync();\n', to: '' }],
  },
  {
    name: 'a declared digest is not compared',
    file: 'test/transfers/upload.test.ts',
    test: 'a declared digest > in repr-digest of sha-256 is verified',
    edits: [{ path: 'src/blobs/receive-blob.ts', from: '    assertDeclared(digests, options.declared);\n', to: '' }],
  },
  {
    name: 'a declared digest is not compared after several requests',
    file: 'test/transfers/tus-protocol.test.ts',
    test: 'the digest of the whole > said in Repr-Digest fails the upload where it differs: nothing is attached, nothing stays',
    edits: [{ path: 'src/ops/complete-upload.ts', from: '  assertDeclared(received, session.declared);\n', to: '' }],
  },
  {
    name: 'the revision is not checked',
    file: 'test/ops/lifecycle.test.ts',
    test: 'publish > is refused on another revision than the expected, with the current one',
    edits: [
      {
        path: 'src/ops/load-artifact.ts',
        from: 'if (expected === undefined || expected === current.revision) return;',
        to: 'if (expected === undefined || expected !== -1) return;',
      },
    ],
  },
  {
    name: 'an upload has two writers',
    file: 'test/ops/upload-sessions.test.ts',
    test: 'the writer of an upload > that is dead is waited for until its lease runs out, and no longer',
    edits: [
      {
        path: 'src/metadata/upload-writer-records.ts',
        from: 'AND (writer IS NULL OR writer = $2 OR writer_expires_at <= clock_timestamp())',
        to: 'AND (true OR writer = $2)',
      },
    ],
  },
  {
    name: 'a writer that lost its lease records on',
    file: 'test/ops/upload-sessions.test.ts',
    test: 'the writer of an upload > that lost its lease records nothing any more',
    edits: [
      {
        path: 'src/metadata/upload-writer-records.ts',
        from: "WHERE id = $1 AND writer = $2 AND state IN ('receiving', 'verifying') AND offset_bytes <= $3 RETURNING id",
        to: "WHERE id = $1 AND $2::text IS NOT NULL AND state IN ('receiving', 'verifying') AND offset_bytes <= $3 RETURNING id",
      },
    ],
  },
  {
    name: 'a writer that slept past its lease writes on',
    file: 'test/ops/upload-sessions.test.ts',
    test: 'the writer of an upload > that was asleep past its lease writes nothing into what another goes on with',
    edits: [{ path: 'src/ops/write-upload.ts', from: 'store: fenced(store, lease), key:', to: 'store, key:' }],
  },
  {
    name: 'an upload that is whole expires',
    file: 'test/ops/upload-sessions.test.ts',
    test: 'uploads past their time > that are whole wait for their verification, however late it comes: their place and their artifact wait with them',
    edits: [
      {
        path: 'src/metadata/upload-end-records.ts',
        from: "AND (state IN ('open', 'receiving') OR (kind",
        to: "AND (state IN ('open', 'receiving', 'verifying') OR (kind",
      },
    ],
  },
  {
    name: 'the signature of cursors is not checked',
    file: 'test/core/cursor.test.ts',
    test: 'a cursor > is refused by another list, another instance, or under another format',
    edits: [
      {
        path: 'src/core/cursor.ts',
        from: '!isOurs || !timingSafeEqual(mac, macOf(key, list, payload))',
        to: '!isOurs || !timingSafeEqual(macOf(key, list, payload), macOf(key, list, payload))',
      },
    ],
  },
  {
    name: 'an idempotency key answers any request',
    file: 'test/ops/create-artifact.test.ts',
    test: 'an idempotency key > refuses another request',
    edits: [
      { path: 'src/ops/run-once.ts', from: "  if (found.body_hash !== bodyHash) throw new AppError('KEY_REUSED');\n", to: '' },
    ],
  },
  {
    name: 'read-only mode forgets upload sessions',
    file: 'test/ops/read-only.test.ts',
    test: 'read-only mode > is the database’s own refusal, whoever writes: upload_session',
    edits: [
      {
        path: 'prisma/migrations/20261122190004_read_only/migration.sql',
        from: 'CREATE TRIGGER upload_session_read_only BEFORE INSERT OR UPDATE OR DELETE ON upload_session\n  FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_read_only();\n',
        to: '',
      },
    ],
  },
  {
    name: 'a job is asked for outside of the transaction',
    file: 'test/ops/upload-sessions.test.ts',
    test: 'the offset of an upload > reaches the end together with the job that will verify it, or not at all',
    edits: [
      {
        path: 'src/ops/write-upload.ts',
        from: 'await enqueueVerify(services, tx, id);',
        to: 'await enqueueVerify(services, services.db, id);',
      },
    ],
  },
  {
    name: 'a tombstone forgets its digest',
    file: 'test/ops/lifecycle.test.ts',
    test: 'deleting > leaves a tombstone with family, version and digest, and no reference to bytes',
    edits: [
      {
        path: 'src/metadata/artifact-records.ts',
        from: "UPDATE artifact AS a SET state = 'deleted', deleted_at = now(), expires_at = NULL,",
        to: "UPDATE artifact AS a SET state = 'deleted', digest_value = repeat('0', 64), deleted_at = now(), expires_at = NULL,",
      },
    ],
  },
  {
    name: 'the ready texts of a closure are shown to everybody',
    file: 'test/ops/closure-json.test.ts',
    test: 'a pinned closure as JSON > is read from rows where a node is yanked, withheld, deleted, out of sight or without its bytes',
    edits: [
      {
        path: 'src/metadata/closure-part-records.ts',
        from: "AND a.yanked_at IS NULL AND ${readableSql('a', viewer)}",
        to: 'AND a.yanked_at IS NULL AND ($1::text IS NOT NULL OR $2::boolean)',
      },
    ],
  },
  {
    name: 'the outline of a large closure is followed whatever became of its nodes',
    file: 'test/ops/closure-json.test.ts',
    test: 'a pinned closure as JSON > of many nodes > is read from rows while a node is yanked, or out of sight',
    edits: [
      {
        path: 'src/metadata/closure-outline-records.ts',
        from: "AND a.yanked_at IS NULL AND ${readableSql('a', viewer)}",
        to: 'AND ($1::text IS NOT NULL OR $2::boolean)',
      },
    ],
  },
  {
    name: 'a negotiation has bytes that the caller may not read',
    file: 'test/ops/negotiate-uploads.test.ts',
    test: 'what counts as there > tells nobody of bytes in another project: known and unknown digests have the same answer',
    edits: [
      {
        path: 'src/metadata/negotiation-records.ts',
        from: "WHERE ${readableSql('a', { project: '$1::text', isAdmin: '$2::boolean' })} AND",
        to: 'WHERE ($1::text IS NOT NULL OR $2::boolean) AND',
      },
      {
        path: 'src/ops/negotiate-uploads.ts',
        from: 'known.filter(isReadable).map(',
        to: 'known.filter((blob) => isReadable(blob) || true).map(',
      },
    ],
  },
];
