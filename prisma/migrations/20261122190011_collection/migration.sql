-- What collection, reconciliation and scrubbing need: places whose bytes are not the blob's, indexes to walk by, and what a walk of
-- a store found.

-- `quarantined`: kept from readers, because the object is missing, of another size, or has other bytes.
ALTER TABLE location
  DROP CONSTRAINT location_state_check,
  ADD CONSTRAINT location_state_check CHECK (state IN ('live', 'condemned', 'deleting', 'gone', 'quarantined')),
  ADD COLUMN fault text CHECK (fault IN ('missing', 'size', 'digest')),
  ADD COLUMN fault_at timestamptz;

CREATE INDEX location_blob ON location (blob_id);
-- The work of a collector: what waits for the end of its grace, and what is to be removed, store by store.
CREATE INDEX location_condemned ON location (condemned_at, id) WHERE state = 'condemned';
CREATE INDEX location_doomed ON location (store, id) WHERE state IN ('deleting', 'gone');
CREATE INDEX location_quarantined ON location (store, id) WHERE state = 'quarantined';
-- The order of a scrub: what was verified longest ago.
CREATE INDEX location_scrub ON location (store, (coalesce(verified_at, '-infinity'::timestamptz)), id) WHERE state = 'live';
CREATE INDEX lease_expiry ON lease (expires_at);
CREATE INDEX upload_session_blob ON upload_session (blob_id) WHERE blob_id IS NOT NULL;
-- Delayed deletes that are due.
CREATE INDEX artifact_purge ON artifact (expires_at, id) WHERE state = 'pending_delete';

-- Objects that a walk of a store found no row for. They are removed when they were unknown for long enough, by this clock.
CREATE TABLE stray_object (
  store text COLLATE "C" NOT NULL REFERENCES store (name),
  object_key text COLLATE "C" NOT NULL,
  size_bytes bigint NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The walk that saw it last.
  seen_by uuid NOT NULL,
  PRIMARY KEY (store, object_key)
);

-- What the last walks and scrubs found, for operators.
CREATE TABLE storage_report (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('check', 'repair', 'scrub', 'collect')),
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  report jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX storage_report_recent ON storage_report (kind, started_at DESC);
