-- What lists of images need beside the lists of all artifacts: a size to filter by, drafts among the rest, shares by their answer,
-- and everything for administrators. Each index is one arm's walk (src/metadata/list-arms.ts).

-- What the slots of kind `one` hold, by slot: blob, size, SHA-256, SHA-512, MD5. Written with publish, from when on it cannot change,
-- so that a row shows its bytes without a look at four tables. Null, or without the slot, where one is not known: then they are looked at.
ALTER TABLE artifact ADD COLUMN single_blobs jsonb;
UPDATE artifact AS a SET single_blobs = (
  SELECT jsonb_object_agg(ab.slot, jsonb_build_array(b.id, b.size_bytes, b.digest_value, s.value, m.value))
  FROM artifact_blob ab
  JOIN blob b ON b.id = ab.blob_id AND b.digest_algorithm = 'sha256'
  JOIN blob_digest s ON s.blob_id = b.id AND s.algorithm = 'sha512'
  JOIN blob_digest m ON m.blob_id = b.id AND m.algorithm = 'md5'
  WHERE ab.artifact_id = a.id AND ab.key = '')
WHERE a.state IN ('active', 'deactivated', 'pending_delete');

-- Of all blobs together, written with publish; null before.
ALTER TABLE artifact ADD COLUMN size_bytes bigint CHECK (size_bytes >= 0);
UPDATE artifact AS a SET size_bytes = (
  SELECT coalesce(sum(b.size_bytes), 0) FROM artifact_blob ab JOIN blob b ON b.id = ab.blob_id WHERE ab.artifact_id = a.id)
WHERE a.state IN ('active', 'deactivated', 'pending_delete');
CREATE INDEX artifact_size ON artifact (size_bytes, id) WHERE size_bytes IS NOT NULL;

CREATE INDEX artifact_own_draft ON artifact (project, type, created_at, id) WHERE state = 'draft';
CREATE INDEX artifact_draft ON artifact (type, created_at, id) WHERE state = 'draft';
CREATE INDEX artifact_type_created ON artifact (type, created_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_type_updated ON artifact (type, updated_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_hidden_created ON artifact (project, type, created_at, id) WHERE hidden;
CREATE INDEX artifact_public_hidden ON artifact (type, created_at, id) WHERE visibility = 'public' AND hidden;
CREATE INDEX member_by_status ON member (project, status, artifact_created_at, artifact_id);
