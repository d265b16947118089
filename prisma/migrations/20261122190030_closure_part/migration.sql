-- What a published version says in every closure, as ready text: none of it changes as long as the version lives. A version
-- without a row here (published by the release before, say) is answered from its rows; the job closures:prepare adds the part.
CREATE TABLE closure_part (
  artifact_id uuid PRIMARY KEY REFERENCES artifact (id) ON DELETE CASCADE,
  -- Of the texts; another release's form is not read.
  form integer NOT NULL,
  -- One node of the answer, up to its properties, and its blobs.
  head text NOT NULL,
  blobs text NOT NULL,
  -- Its edges in declared order, '' where it has none.
  edges text NOT NULL,
  -- What stands for it in the digest of a closure.
  identity text NOT NULL,
  -- What its edges lead to, and what its slots hold: a version's slots keep their blobs.
  targets uuid[] NOT NULL,
  blob_ids uuid[] NOT NULL
);

-- As the queues of the other jobs.
SELECT vitrine_jobs.create_queue('closures.prepare',
  '{"policy": "stately", "retryBackoff": true, "retryDelay": 1, "heartbeatSeconds": 10}');
