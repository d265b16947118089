/** The JSON Schema of one configured store; the blobs room states the same shape as `StoreConfig`. */

const name = {
  type: 'string',
  pattern: '^[a-z0-9][a-z0-9_-]{0,62}$',
  description: 'What artifacts and users call the store.',
} as const;

export const filesystemStoreSchema = {
  type: 'object',
  description: 'A folder.',
  additionalProperties: false,
  required: ['name', 'kind', 'path'],
  properties: {
    name,
    kind: { const: 'filesystem' },
    path: { type: 'string', minLength: 1, 'x-path': true, description: 'The folder.' },
    leftoverAgeMs: { type: 'integer', minimum: 0, description: 'Half-written files older than this are removed at start.' },
  },
} as const;

export const s3StoreSchema = {
  type: 'object',
  description: 'A bucket of S3, MinIO or what speaks like them.',
  additionalProperties: false,
  required: ['name', 'kind', 'endpoint', 'bucket', 'accessKey', 'secretKey'],
  properties: {
    name,
    kind: { const: 's3' },
    endpoint: { type: 'string', pattern: '^https?://[^/?#@]+/?$', description: '`http://host:port` or `https://host`.' },
    bucket: { type: 'string', minLength: 1 },
    region: { type: 'string', minLength: 1 },
    accessKey: { type: 'string', minLength: 1 },
    secretKey: { type: 'string', minLength: 1, 'x-secret': true },
    pathStyle: { type: 'boolean', description: 'The bucket in the path, not in the host name.' },
    createBucket: { type: 'boolean', description: 'Make the bucket when it is missing.' },
    spoolDir: { type: 'string', minLength: 1, 'x-path': true, description: 'Where large parts of huge uploads wait.' },
    idleTimeoutMs: { type: 'integer', minimum: 1, description: 'Without a byte for so long, the store is unavailable.' },
  },
} as const;
