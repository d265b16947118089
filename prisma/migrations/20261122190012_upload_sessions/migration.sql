-- Upload sessions that outlive a request: what a writer on any node needs to go on, to take over, and to end them.
ALTER TABLE upload_session
  -- `single` lives in one request; `whole` fills a place in several; `partial` has no place until a `final` joins it.
  ADD COLUMN kind text NOT NULL DEFAULT 'single' CHECK (kind IN ('single', 'whole', 'partial', 'final')),
  -- Every digest the sender declared, lower-case hex by algorithm.
  ADD COLUMN declared jsonb,
  -- As the client wrote it: given back to whoever asks.
  ADD COLUMN metadata text,
  -- Facts of the request that wrote last (its id, trace, address): whoever finishes the upload writes them into event and audit.
  ADD COLUMN origin jsonb,
  -- Of a `final`: the partial uploads it joins, in order. Of a `partial`: the one it was joined into.
  ADD COLUMN parts uuid[],
  ADD COLUMN joined_into uuid,
  -- A writer that waits for the present one to let go.
  ADD COLUMN wanted_by text,
  -- Of one that has ended: its bytes are known to be gone, or are a blob's now.
  ADD COLUMN cleared_at timestamptz,
  -- A partial upload has no place in an artifact.
  ALTER COLUMN artifact_id DROP NOT NULL,
  ADD CONSTRAINT upload_session_place CHECK ((artifact_id IS NULL) = (kind = 'partial'));

CREATE INDEX upload_session_open ON upload_session (project)
  WHERE kind <> 'single' AND state IN ('open', 'receiving', 'verifying');
-- What a cleaner looks for: ended, by when it may be forgotten.
CREATE INDEX upload_session_ended ON upload_session (expires_at)
  WHERE kind <> 'single' AND state IN ('finished', 'aborted', 'expired', 'failed');
