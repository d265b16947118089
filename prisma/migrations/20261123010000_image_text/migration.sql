-- An image with data as the Image API answers it, as ready text: rewritten in each transaction that changes the image. Whoever
-- forgot to (an older release, say) has moved the revision on, so that the text is passed over and the image answered from its
-- rows; the job images:prepare writes it anew.
CREATE TABLE image_text (
  artifact_id uuid PRIMARY KEY REFERENCES artifact (id) ON DELETE CASCADE,
  -- Of the text; another release's form is not read.
  form integer NOT NULL,
  -- Of the artifact, when the text was written.
  revision integer NOT NULL,
  -- The data, whose stores are added to each answer: bytes move without a revision. An image with data keeps them.
  blob_id uuid NOT NULL,
  -- An object without its stores and its end.
  text text NOT NULL
);

-- As the queues of the other jobs.
SELECT vitrine_jobs.create_queue('images.prepare',
  '{"policy": "stately", "retryBackoff": true, "retryDelay": 1, "heartbeatSeconds": 10}');
