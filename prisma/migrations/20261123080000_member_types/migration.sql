-- Lists of one type walk the memberships of that type alone (src/metadata/list-arms.ts), however many of others a project has.
CREATE INDEX member_by_type ON member (project, status, type, artifact_created_at, artifact_id);
