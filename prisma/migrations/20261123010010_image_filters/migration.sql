-- Lists of what is hidden are walked by type, not divided by state (src/metadata/list-arms.ts): tombstones of what was hidden once are
-- no part of such a walk. One more is for administrators, who list every project's.
DROP INDEX artifact_hidden_created;
CREATE INDEX artifact_hidden_created ON artifact (project, type, created_at, id)
  WHERE hidden AND state IN ('active', 'deactivated');
DROP INDEX artifact_public_hidden;
CREATE INDEX artifact_public_hidden ON artifact (type, created_at, id)
  WHERE visibility = 'public' AND hidden AND state IN ('active', 'deactivated');
CREATE INDEX artifact_type_hidden ON artifact (type, created_at, id)
  WHERE hidden AND state IN ('active', 'deactivated');

-- The order by size, whose ties fall to the time of creation (src/metadata/sorted-page.ts).
CREATE INDEX artifact_own_type_size ON artifact (project, type, (coalesce(size_bytes, -1)), created_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_type_size ON artifact (type, (coalesce(size_bytes, -1)), created_at, id)
  WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
