-- The first migration: everything whose later addition would be dear stands here from the start (docs/architecture.md).
-- Ordered text says COLLATE "C", so that PostgreSQL 15 and 18, and any locale, order alike.

-- One row: which instance this database belongs to.
CREATE TABLE instance (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  id uuid NOT NULL,
  key_fingerprint text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Stores by the id that is also kept inside them.
CREATE TABLE store (
  name text COLLATE "C" PRIMARY KEY,
  store_id uuid NOT NULL UNIQUE,
  kind text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Released versions of artifact types; a node with another digest refuses to start.
CREATE TABLE type_version (
  type text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  digest text NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (type, version)
);

CREATE TABLE family (
  id uuid PRIMARY KEY,
  project text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  description text NOT NULL DEFAULT '',
  revision integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project, type, name)
);

-- Ids that were ever used: an id is never used again, not even after its row was purged.
CREATE TABLE used_id (
  id uuid PRIMARY KEY,
  first_used_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE artifact (
  id uuid PRIMARY KEY,
  project text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  type_version text COLLATE "C" NOT NULL,
  family_id uuid REFERENCES family (id),
  name text COLLATE "C",
  version text COLLATE "C",
  -- Order-preserving text of the version (core/version.ts), its core tuple as text, and whether it is a release.
  version_key text COLLATE "C",
  version_core text COLLATE "C",
  version_is_release boolean,
  state text NOT NULL CHECK (state IN ('draft', 'active', 'deactivated', 'pending_delete', 'deleted')),
  state_before_delete text CHECK (state_before_delete IN ('draft', 'active', 'deactivated')),
  visibility text NOT NULL CHECK (visibility IN ('private', 'shared', 'community', 'public')),
  hidden boolean NOT NULL DEFAULT false,
  protected boolean NOT NULL DEFAULT false,
  deprecated_at timestamptz,
  deprecation_message text,
  yanked_at timestamptz,
  yank_reason text,
  deactivation_reason text,
  properties jsonb NOT NULL DEFAULT '{}',
  tags text[] NOT NULL DEFAULT '{}',
  digest_algorithm text,
  digest_value text,
  revision integer NOT NULL DEFAULT 1,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz,
  deleted_at timestamptz,
  expires_at timestamptz,
  -- Replication: where the artifact came from; null when it was made here.
  origin_instance uuid,
  origin_id uuid,
  CHECK ((version IS NULL) = (version_key IS NULL)),
  CHECK ((digest_algorithm IS NULL) = (digest_value IS NULL)),
  CHECK (family_id IS NOT NULL OR version IS NULL)
);

-- Drafts reserve no version; tombstones keep theirs without blocking it.
CREATE UNIQUE INDEX artifact_live_version ON artifact (family_id, version_key)
  WHERE state IN ('active', 'deactivated', 'pending_delete');
CREATE INDEX artifact_family ON artifact (family_id, version_key DESC);
CREATE INDEX artifact_digest ON artifact (digest_value, id) WHERE digest_value IS NOT NULL;
CREATE INDEX artifact_draft_expiry ON artifact (expires_at) WHERE expires_at IS NOT NULL;

-- Lists: each order has an index for what a project owns and one for what is public, over all types and by type, so that a
-- page is one walk that ends with the page (src/metadata/list-arms.ts).
CREATE INDEX artifact_own_created ON artifact (project, created_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_type_created ON artifact (project, type, created_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_created ON artifact (created_at, id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_type_created ON artifact (type, created_at, id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_updated ON artifact (project, updated_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_type_updated ON artifact (project, type, updated_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_updated ON artifact (updated_at, id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_type_updated ON artifact (type, updated_at, id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_name ON artifact (project, (coalesce(name, '')), id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_type_name ON artifact (project, type, (coalesce(name, '')), id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_name ON artifact ((coalesce(name, '')), id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_type_name ON artifact (type, (coalesce(name, '')), id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_version ON artifact (project, (coalesce(version_key, '')), id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_type_version ON artifact (project, type, (coalesce(version_key, '')), id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_version ON artifact ((coalesce(version_key, '')), id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_type_version ON artifact (type, (coalesce(version_key, '')), id)
  INCLUDE (visibility) WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_public_project ON artifact (project, created_at, id)
  WHERE visibility = 'public' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_community ON artifact (created_at, id)
  WHERE visibility = 'community' AND state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_visibility ON artifact (project, visibility, created_at, id)
  WHERE state IN ('active', 'deactivated') AND NOT hidden;
CREATE INDEX artifact_own_state ON artifact (project, state, created_at, id);
CREATE INDEX artifact_public_state ON artifact (state, created_at, id) WHERE visibility = 'public';
-- Filters: where few rows match a condition, these find them (src/metadata/filter-probes.ts).
CREATE INDEX artifact_by_name ON artifact (name, id);
CREATE INDEX artifact_version ON artifact (version, id);
CREATE INDEX artifact_release ON artifact (version_is_release, version_key, id);
CREATE INDEX artifact_core ON artifact (version_core, id) WHERE NOT version_is_release;
CREATE INDEX artifact_type_version ON artifact (type_version, id);
CREATE INDEX artifact_protected ON artifact (protected, id);
CREATE INDEX artifact_hidden ON artifact (hidden, id);
CREATE INDEX artifact_deprecated ON artifact (deprecated_at, id);
CREATE INDEX artifact_yanked ON artifact (yanked_at, id);
CREATE INDEX artifact_created ON artifact (created_at, id);
CREATE INDEX artifact_updated ON artifact (updated_at, id);
CREATE INDEX artifact_published ON artifact (published_at, id);
CREATE INDEX artifact_tags ON artifact USING gin (tags);
CREATE INDEX family_type ON family (type, id);
-- The latest release of a family: of all that a project owns, and of what is public (src/metadata/latest-sql.ts).
CREATE INDEX artifact_latest ON artifact (family_id, version_key)
  WHERE state = 'active' AND yanked_at IS NULL AND version_is_release AND NOT hidden;
CREATE INDEX artifact_latest_public ON artifact (family_id, version_key)
  WHERE visibility = 'public' AND state = 'active' AND yanked_at IS NULL AND version_is_release AND NOT hidden;

-- Dated rows, so that names and yanks can be read as of a time.
CREATE TABLE artifact_name (
  artifact_id uuid NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  family_id uuid NOT NULL REFERENCES family (id),
  version text COLLATE "C",
  version_key text COLLATE "C",
  valid_from timestamptz NOT NULL DEFAULT now(),
  valid_to timestamptz,
  PRIMARY KEY (artifact_id, valid_from)
);
CREATE INDEX artifact_name_family ON artifact_name (family_id, version_key);

CREATE TABLE artifact_yank (
  artifact_id uuid NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  yanked_at timestamptz NOT NULL DEFAULT now(),
  unyanked_at timestamptz,
  yanked_by text NOT NULL,
  reason text,
  PRIMARY KEY (artifact_id, yanked_at)
);

CREATE TABLE channel_move (
  family_id uuid NOT NULL REFERENCES family (id) ON DELETE CASCADE,
  channel text COLLATE "C" NOT NULL,
  artifact_id uuid REFERENCES artifact (id),
  moved_at timestamptz NOT NULL DEFAULT now(),
  moved_by text NOT NULL,
  reason text,
  PRIMARY KEY (family_id, channel, moved_at)
);

CREATE TABLE member (
  artifact_id uuid NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  project text COLLATE "C" NOT NULL,
  status text NOT NULL CHECK (status IN ('pending', 'accepted', 'rejected')),
  -- Copies of the artifact's own columns, so that a page of what is shared with a project is one index walk.
  type text COLLATE "C" NOT NULL,
  artifact_created_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (artifact_id, project)
);
CREATE INDEX member_listed ON member (project, artifact_created_at DESC, artifact_id DESC) WHERE status = 'accepted';

-- Immutable bytes, known by one digest; the further digests of the same bytes beside it.
CREATE TABLE blob (
  id uuid PRIMARY KEY,
  digest_algorithm text NOT NULL,
  digest_value text NOT NULL,
  size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (digest_algorithm, digest_value)
);

CREATE TABLE blob_digest (
  blob_id uuid NOT NULL REFERENCES blob (id) ON DELETE CASCADE,
  algorithm text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (blob_id, algorithm)
);
CREATE INDEX blob_digest_value ON blob_digest (algorithm, value);

-- Where bytes physically are. A key is random and used once; past `condemned` a new generation is written.
CREATE TABLE location (
  id uuid PRIMARY KEY,
  blob_id uuid NOT NULL REFERENCES blob (id),
  store text COLLATE "C" NOT NULL REFERENCES store (name),
  object_key text COLLATE "C" NOT NULL,
  state text NOT NULL CHECK (state IN ('live', 'condemned', 'deleting', 'gone')),
  generation integer NOT NULL DEFAULT 1,
  encoding text NOT NULL DEFAULT 'identity',
  key_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  verified_at timestamptz,
  condemned_at timestamptz,
  UNIQUE (store, object_key)
);
CREATE UNIQUE INDEX location_current ON location (blob_id, store) WHERE state IN ('live', 'condemned');

CREATE TABLE artifact_blob (
  artifact_id uuid NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  slot text COLLATE "C" NOT NULL,
  -- '' in a slot of kind `one`; the path in a slot of kind `map`.
  key text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  media_type text NOT NULL,
  blob_id uuid NOT NULL REFERENCES blob (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (artifact_id, slot, key),
  UNIQUE (artifact_id, path)
);
CREATE INDEX artifact_blob_blob ON artifact_blob (blob_id);

-- Where the owner asked a slot's bytes to be.
CREATE TABLE placement (
  artifact_id uuid NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  slot text COLLATE "C" NOT NULL,
  store text COLLATE "C" NOT NULL REFERENCES store (name),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (artifact_id, slot, store)
);

-- Keeps a blob from collection while nothing refers to it yet.
CREATE TABLE lease (
  id uuid PRIMARY KEY,
  blob_id uuid NOT NULL REFERENCES blob (id) ON DELETE CASCADE,
  holder text NOT NULL,
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lease_blob ON lease (blob_id, expires_at);

CREATE TABLE upload_session (
  id uuid PRIMARY KEY,
  project text COLLATE "C" NOT NULL,
  created_by text NOT NULL,
  artifact_id uuid NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  slot text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  media_type text NOT NULL,
  store text COLLATE "C" NOT NULL REFERENCES store (name),
  object_key text COLLATE "C" NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('open', 'receiving', 'verifying', 'finished', 'aborted', 'expired', 'failed')),
  offset_bytes bigint NOT NULL DEFAULT 0 CHECK (offset_bytes >= 0),
  length_bytes bigint CHECK (length_bytes >= 0),
  limit_bytes bigint NOT NULL,
  digest_algorithm text,
  digest_value text,
  -- Multipart id and parts, and the saved hash state: what another node needs to go on.
  store_state jsonb,
  hash_state bytea,
  writer text,
  writer_expires_at timestamptz,
  blob_id uuid REFERENCES blob (id),
  error_code text,
  revision integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
-- One writer for each place in an artifact.
CREATE UNIQUE INDEX upload_session_writer ON upload_session (artifact_id, slot, key)
  WHERE state IN ('open', 'receiving', 'verifying');
CREATE INDEX upload_session_expiry ON upload_session (expires_at) WHERE state IN ('open', 'receiving', 'verifying');

CREATE TABLE dependency (
  artifact_id uuid NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  position integer NOT NULL,
  slot text COLLATE "C" NOT NULL,
  alias text COLLATE "C" NOT NULL,
  -- As written: a family by range, or an exact artifact by id.
  target_project text COLLATE "C",
  target_type text COLLATE "C",
  target_name text COLLATE "C",
  target_id uuid,
  range text NOT NULL DEFAULT '',
  parameter text,
  -- From publish on.
  resolved_id uuid REFERENCES artifact (id),
  resolved_project text COLLATE "C",
  resolved_type text COLLATE "C",
  resolved_name text COLLATE "C",
  resolved_version text COLLATE "C",
  resolved_digest text,
  PRIMARY KEY (artifact_id, alias)
);
CREATE UNIQUE INDEX dependency_order ON dependency (artifact_id, position);
CREATE INDEX dependency_resolved ON dependency (resolved_id) WHERE resolved_id IS NOT NULL;
CREATE INDEX dependency_target ON dependency (target_type, target_name);

CREATE TABLE idempotency_key (
  project text COLLATE "C" NOT NULL,
  caller text COLLATE "C" NOT NULL,
  operation text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  body_hash text NOT NULL,
  response jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (project, caller, operation, key)
);
CREATE INDEX idempotency_key_expiry ON idempotency_key (expires_at);

-- Outbox: ordered by (tx, id), read below pg_snapshot_xmin, because a slower transaction may hold a smaller id.
CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  shape integer NOT NULL DEFAULT 1,
  at timestamptz NOT NULL DEFAULT now(),
  kind text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL,
  subject_type text COLLATE "C" NOT NULL,
  subject_id uuid NOT NULL,
  revision integer,
  payload jsonb NOT NULL DEFAULT '{}',
  request_id text,
  traceparent text
);
CREATE INDEX event_order ON event (tx, id);
CREATE INDEX event_subject ON event (subject_id, id);

CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  at timestamptz NOT NULL DEFAULT now(),
  caller text COLLATE "C" NOT NULL,
  project text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  subject_type text COLLATE "C" NOT NULL,
  subject_id uuid,
  revision integer,
  source_address text,
  detail jsonb NOT NULL DEFAULT '{}',
  request_id text,
  traceparent text
);
CREATE INDEX audit_subject ON audit (subject_id, id);
CREATE INDEX audit_project ON audit (project, id);

-- Vitrine's own tokens; only an HMAC of the secret is kept.
CREATE TABLE api_token (
  id uuid PRIMARY KEY,
  secret_hash text NOT NULL UNIQUE,
  project text COLLATE "C" NOT NULL,
  subject text NOT NULL,
  roles text[] NOT NULL,
  description text NOT NULL DEFAULT '',
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz
);

-- Last downloads, written in batches; never an artifact row's update per read.
CREATE TABLE artifact_download (
  artifact_id uuid PRIMARY KEY REFERENCES artifact (id) ON DELETE CASCADE,
  last_at timestamptz NOT NULL,
  count bigint NOT NULL DEFAULT 0
);
