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
  -- The data, whose stores are added to each answer: bytes move without a revision. An image with data keeps them.
  blob_id uuid NOT NULL,
  -- An object without its stores and its end.
  text text NOT NULL
);

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

-- As the queues of the other jobs.
SELECT vitrine_jobs.create_queue('images.prepare',
  '{"policy": "stately", "retryBackoff": true, "retryDelay": 1, "heartbeatSeconds": 10}');
