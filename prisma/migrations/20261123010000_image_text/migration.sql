-- An image with data as the Image API answers it, as ready text: rewritten in each transaction that changes the image. Whatever
-- moves the revision on without (an older release, say) leaves no text that is read: the image is answered from its rows until
-- the job images:prepare writes it anew.
CREATE TABLE image_text (
  artifact_id uuid PRIMARY KEY REFERENCES artifact (id) ON DELETE CASCADE,
  -- The artifact's: what a page shows stands side by side here too.
  created_at timestamptz NOT NULL,
  -- Of the text; another release's form is not read. 0: overtaken.
  form integer NOT NULL,
  -- Of the artifact, when the text was written.
  revision integer NOT NULL,
  -- The data. An image that has some keeps them.
  blob_id uuid NOT NULL,
  -- An object without its stores and its end.
  text text NOT NULL,
  -- The stores of the data, and the end: apart, because bytes move without a revision. Null: to be looked up in each answer, until the
  -- job images:prepare has written them.
  stores text
);
CREATE INDEX image_text_blob ON image_text (blob_id);
CREATE INDEX image_text_unsettled ON image_text (artifact_id) WHERE stores IS NULL;

CREATE UNIQUE INDEX image_text_created ON image_text (created_at, artifact_id);

-- By the database, so that who reads a text need not look whether it is still true.
CREATE FUNCTION overtake_image_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE image_text SET form = 0 WHERE artifact_id = NEW.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER artifact_image_text AFTER UPDATE ON artifact FOR EACH ROW
  WHEN (OLD.state <> 'draft' AND OLD.revision <> NEW.revision) EXECUTE FUNCTION overtake_image_text();

-- Every text of the bytes is touched, also one whose stores are not known: who is about to write them has locked it, and is either
-- waited for, or reads again what this leaves.
CREATE FUNCTION forget_image_stores() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE image_text SET stores = NULL WHERE blob_id = coalesce(NEW.blob_id, OLD.blob_id);
  RETURN NULL;
END
$$;
CREATE TRIGGER location_image_text AFTER INSERT OR DELETE OR UPDATE OF state, store, blob_id ON location
  FOR EACH ROW EXECUTE FUNCTION forget_image_stores();

-- As the queues of the other jobs.
SELECT vitrine_jobs.create_queue('images.prepare',
  '{"policy": "stately", "retryBackoff": true, "retryDelay": 1, "heartbeatSeconds": 10}');
