/** Settings in the words of the rooms that are told them. */
import { randomUUID } from 'node:crypto';
import type { BlobsConfig } from '#blobs/blobs.ts';
import type { Config } from '#config/config.ts';
import type { OpSettings } from '#ops/context.ts';
import { imageType } from '#rest/images/image-routes.ts';

export function toBlobsConfig({ stores, defaultStore, database }: Config): BlobsConfig {
  // The only node of its database: what is half written in its folders at start was left by a run that is dead.
  const leftovers = database.url === undefined ? { leftoverAgeMs: 0 } : {};
  const opened = stores.map((store) => (store.kind === 'filesystem' ? { ...leftovers, ...defined(store) } : store));
  return { stores: opened, defaultStore };
}

/** Without the settings that say nothing, which would else hide a default. */
function defined<Settings extends object>(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Settings;
}

export function toOpSettings(config: Config, instanceKey: Uint8Array): OpSettings {
  const { limits, ttl, trustedProjects } = config;
  return {
    trustedProjects,
    draftTtlMs: ttl.draftMs,
    uploadTtlMs: ttl.uploadMs,
    idempotencyTtlMs: ttl.idempotencyMs,
    maxBlobBytes: limits.blobBytes,
    maxClosureNodes: limits.closureNodes,
    maxBodyBytes: limits.bodyBytes,
    maxPropertiesBytes: limits.propertiesBytes,
    maxTags: limits.tags,
    maxDependencies: limits.dependencies,
    pageSizeMax: limits.pageSize,
    instanceKey,
    nodeId: randomUUID(),
    storage: toStorageSettings(config),
    image: config.image,
    imageType,
  };
}

export function toStorageSettings({ storage, delete: deletion }: Config): OpSettings['storage'] {
  return { ...storage, deleteDelayMs: deletion.delayMs, purgeConcurrency: deletion.purgeConcurrency };
}

/** Undefined where health and metrics have no listener of their own. */
export function toMetricsAddress({ metrics: { host, port } }: Config) {
  return port === undefined ? undefined : { host, port };
}
