-- Read-only mode: one row decides for every node. The refusal stands here and not in each operation, so that no write can forget
-- it: every change writes an event, and what changes bytes or sessions without one is named beside it.
ALTER TABLE instance
  ADD COLUMN read_only_since timestamptz,
  ADD COLUMN read_only_reason text,
  ADD COLUMN read_only_by text;

CREATE FUNCTION refuse_when_read_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  reason text;
BEGIN
  SELECT coalesce(read_only_reason, '') INTO reason FROM instance WHERE read_only_since IS NOT NULL;
  IF FOUND THEN
    -- A class of Vitrine's own (src/metadata/database-errors.ts).
    RAISE EXCEPTION 'read-only' USING ERRCODE = 'VT001', DETAIL = reason;
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER event_read_only BEFORE INSERT ON event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_read_only();
CREATE TRIGGER upload_session_read_only BEFORE INSERT OR UPDATE OR DELETE ON upload_session
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_read_only();
CREATE TRIGGER blob_read_only BEFORE INSERT OR DELETE ON blob
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_read_only();
CREATE TRIGGER location_read_only BEFORE INSERT OR UPDATE OR DELETE ON location
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_read_only();
CREATE TRIGGER artifact_read_only BEFORE INSERT OR UPDATE OR DELETE ON artifact
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_read_only();
CREATE TRIGGER idempotency_key_read_only BEFORE INSERT OR DELETE ON idempotency_key
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_when_read_only();
