-- What lists of images need beside the lists of all artifacts: a size to filter by, drafts among the rest, shares by their answer,
-- and everything for administrators. Each index is one arm's walk (src/metadata/list-arms.ts).

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
