/** The one JSON Schema of the configuration: names, types, limits, defaults and meanings of all settings. */
import { imageSchema } from './image-schema.ts';
import { keystoneSchema } from './keystone-schema.ts';
import type { FromSchema } from './schema-type.ts';
import { filesystemStoreSchema, s3StoreSchema } from './store-schema.ts';
import { timer } from './timer-schema.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

function count(fallback: number, description: string, minimum = 1) {
  return { type: 'integer', minimum, default: fallback, description } as const;
}

function flag(fallback: boolean, description: string) {
  return { type: 'boolean', default: fallback, description } as const;
}

/**
 * `x-secret` is masked wherever it is shown and takes no flag; `x-path` is relative to the file that says it, or to the
 * working folder; `x-url` has its password masked; `x-variable` is a further environment variable that is heeded.
 */
export const configSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Configuration of Vitrine',
  type: 'object',
  additionalProperties: false,
  properties: {
    host: { type: 'string', minLength: 1, default: '127.0.0.1', description: 'Address to listen on.' },
    port: { type: 'integer', minimum: 0, maximum: 65_535, default: 9292, description: 'Port to listen on; 0 takes a free one.' },
    dataDir: {
      type: 'string',
      minLength: 1,
      default: './vitrine-data',
      'x-path': true,
      description: 'Folder of the embedded database, the default store and the instance key.',
    },
    metrics: {
      type: 'object',
      additionalProperties: false,
      properties: {
        host: {
          type: 'string',
          minLength: 1,
          default: '127.0.0.1',
          description: 'Address of the listener for health and metrics.',
        },
        port: {
          type: 'integer',
          minimum: 0,
          maximum: 65_535,
          description: 'Its port; without one, `/metrics` is served on the main listener.',
        },
      },
    },
    database: {
      type: 'object',
      additionalProperties: false,
      properties: {
        url: {
          type: 'string',
          pattern: '^postgres(ql)?://',
          'x-url': true,
          'x-variable': 'DATABASE_URL',
          description: 'A PostgreSQL server, 15 or newer; without it, the embedded one is started under `dataDir`.',
        },
        directUrl: {
          type: 'string',
          pattern: '^postgres(ql)?://',
          'x-url': true,
          description: 'The same database past a pooler, for migrations.',
        },
        poolSize: {
          type: 'integer',
          minimum: 1,
          maximum: 1_000,
          default: 8,
          description: 'Most connections of this process, beside six for short reads and lists.',
        },
        autoMigrate: flag(true, 'Apply migrations at start; `false` refuses to start on a database that lacks one.'),
        statementTimeoutMs: timer(
          30_000,
          'A statement that runs longer is ended; a server that says nothing for 10 s more is given up.',
        ),
      },
    },
    stores: {
      type: 'array',
      default: [],
      maxItems: 64,
      items: {
        type: 'object',
        discriminator: { propertyName: 'kind' },
        oneOf: [filesystemStoreSchema, s3StoreSchema],
      },
      description: 'Where blobs are kept; empty means one folder, `blobs` in `dataDir`.',
    },
    defaultStore: {
      type: 'string',
      minLength: 1,
      description: 'Store of uploads that name none; the first of `stores` when left out.',
    },
    types: {
      type: 'object',
      additionalProperties: false,
      properties: {
        folders: {
          type: 'array',
          items: { type: 'string', minLength: 1 },
          default: [],
          'x-path': true,
          description: 'Folders of further artifact types, beside those that Vitrine brings.',
        },
      },
    },
    instanceKey: {
      type: 'string',
      minLength: 32,
      'x-secret': true,
      description: 'Signs cursors and hashes tokens; equal on all nodes of one database. Without it, one is kept in `dataDir`.',
    },
    trustedProjects: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 255 },
      uniqueItems: true,
      default: [],
      description: 'Projects in which a reference without a project is looked for after the caller’s own, in this order.',
    },
    auth: {
      type: 'object',
      additionalProperties: false,
      properties: {
        dev: {
          type: 'boolean',
          description:
            'Requests from this machine without a token are the administrator `dev`; by default on a loopback `host` without Keystone.',
        },
        strategies: {
          type: 'array',
          items: { type: 'string', enum: ['token', 'keystone', 'dev'] },
          uniqueItems: true,
          minItems: 1,
          description:
            'Ways to say who one is that are in force: Vitrine’s own tokens, those of Keystone, `dev`; when left out, all that are configured.',
        },
        keystone: keystoneSchema,
      },
    },
    log: {
      type: 'object',
      additionalProperties: false,
      properties: {
        level: {
          type: 'string',
          enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
          default: 'info',
          description: 'The least level that is logged.',
        },
        format: {
          type: 'string',
          enum: ['json', 'text'],
          default: 'json',
          description: 'One JSON object a line, or text for people.',
        },
      },
    },
    tracing: {
      type: 'object',
      additionalProperties: false,
      properties: {
        url: {
          type: 'string',
          pattern: '^https?://',
          'x-url': true,
          description:
            'Where an OpenTelemetry collector takes traces by OTLP over HTTP (`http://collector:4318/v1/traces`); none without it.',
        },
        sampleRatio: {
          type: 'number',
          minimum: 0,
          maximum: 1,
          default: 1,
          description: 'The part of the traces that begin here which is kept; a trace of a sender is kept as the sender says.',
        },
      },
    },
    cors: {
      type: 'object',
      additionalProperties: false,
      properties: {
        origins: {
          type: 'array',
          items: { type: 'string', pattern: '^(\\*|https?://[^\\s/?#@*]+)$' },
          uniqueItems: true,
          default: [],
          description:
            'Origins of pages whose browsers may call from elsewhere, as a dashboard’s `https://dashboard.example.org`; `*` for all.',
        },
      },
    },
    managementLog: {
      type: 'string',
      minLength: 1,
      'x-path': true,
      description: 'Log of the management commands (`vitrine db migrate`); `management.log` in `dataDir` when left out.',
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      properties: {
        bodyBytes: count(1_048_576, 'Largest JSON body of a request.'),
        blobBytes: count(1_099_511_627_776, 'Largest blob.'),
        closureNodes: count(10_000, 'Most artifacts in one closure.'),
        pageSize: count(100, 'Most items of one page.'),
        propertiesBytes: count(262_144, 'Largest JSON of an artifact’s properties.'),
        tags: count(128, 'Most tags of an artifact.'),
        dependencies: count(1_000, 'Most dependencies of an artifact.'),
        requestTimeoutMs: timer(30_000, 'A request that is no transfer is ended after this time.'),
        transferIdleMs: timer(minute, 'A transfer without a byte for so long is ended.'),
        drainNoticeMs: timer(
          0,
          'How long a stopping server still takes connections while `/readyz` says that it stops: until balancers have seen it.',
          0,
        ),
        drainMs: timer(20_000, 'How long a stopping server waits for running requests.', 0),
      },
    },
    ttl: {
      type: 'object',
      additionalProperties: false,
      properties: {
        draftMs: count(30 * day, 'A draft that nobody publishes expires after this time.'),
        uploadMs: count(day, 'An upload that does not go on expires after this time.'),
        idempotencyMs: count(day, 'An idempotency key is remembered for this time.'),
      },
    },
    storage: {
      type: 'object',
      additionalProperties: false,
      properties: {
        collectGraceMs: count(60 * minute, 'Bytes that nothing refers to are removed after this time.', 0),
        strayAgeMs: count(day, 'An object that no row knows is removed by a repair when it was seen for this time.', 0),
        scrubBytesPerSecond: count(33_554_432, 'How fast a scrub reads stored bytes again.'),
        scrubAfterMs: count(30 * day, 'Stored bytes are read and compared again after this time.', 0),
      },
    },
    delete: {
      type: 'object',
      additionalProperties: false,
      properties: {
        delayMs: count(0, 'A deleted artifact can be restored for this time; 0 deletes at once.', 0),
        purgeConcurrency: count(4, 'How many artifacts are purged at once when their delay is over.'),
      },
    },
    jobs: {
      type: 'object',
      additionalProperties: false,
      properties: {
        worker: flag(true, 'Run jobs in the server; `false` leaves them to `vitrine worker`.'),
        concurrency: count(2, 'Jobs that one process runs at once.'),
        drainMs: timer(10_000, 'How long a stopping worker waits for its running jobs; another goes on with them.', 0),
        expireUploadsEveryMs: count(5 * minute, 'How often uploads past their time are ended; 0 never.', 0),
        expireDraftsEveryMs: count(60 * minute, 'How often drafts past their time are deleted; 0 never.', 0),
        expireKeysEveryMs: count(60 * minute, 'How often idempotency keys past their time are forgotten; 0 never.', 0),
        collectEveryMs: count(60 * minute, 'How often bytes that nothing refers to are collected; 0 never.', 0),
        scrubEveryMs: count(day, 'How often stored bytes that are due are read and compared; 0 never.', 0),
        reconcileEveryMs: count(
          day,
          'How often stores are compared with what is recorded, and the differences told; 0 never.',
          0,
        ),
        prepareClosuresEveryMs: count(
          day,
          'How often versions that an older release published are made ready for closures; 0 never.',
          0,
        ),
        prepareImagesEveryMs: count(
          day,
          'How often images that an older release changed, or whose bytes were moved, are made ready for lists; 0 never.',
          0,
        ),
        purgeEveryMs: count(5 * minute, 'How often deleted artifacts whose delay is over are purged; 0 never.', 0),
      },
    },
    policy: {
      type: 'object',
      additionalProperties: false,
      properties: {
        files: {
          type: 'array',
          items: { type: 'string', minLength: 1 },
          default: [],
          'x-path': true,
          description: 'Files of policies in Cedar, beside those that Vitrine ships; read once, at start.',
        },
        includeDefault: flag(true, 'Keep the policies that Vitrine ships; `false` leaves only those of `policy.files`.'),
      },
    },
    image: imageSchema,
    graphql: {
      type: 'object',
      additionalProperties: false,
      properties: {
        depth: count(12, 'Deepest selection of a document.'),
        cost: count(20_000, 'Highest cost of a document: fields, times the items of the lists around them.'),
        aliases: count(50, 'Most aliases of a document.'),
        tokens: count(3_000, 'Most tokens of a document.'),
        graphiql: {
          type: 'boolean',
          description: 'Serve GraphiQL, an editor in the browser; by default where `auth.dev` is in force.',
        },
        introspection: flag(true, 'Let clients ask for the schema.'),
      },
    },
  },
} as const;

/** The settings as the schema types them; config.ts fills in the defaults that depend on other settings. */
export type SchemaConfig = FromSchema<typeof configSchema>;
