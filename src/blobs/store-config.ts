/** What the operator says about the stores; the config room mirrors this shape in its JSON Schema. */

export interface FilesystemStoreConfig {
  readonly name: string;
  readonly kind: 'filesystem';
  /** The store's folder; made with mode 0700 where it is missing. */
  readonly path: string;
  /** Half-written files older than this are removed at start. Default 24 h: other nodes may share the folder. */
  readonly leftoverAgeMs?: number | undefined;
}

export interface S3StoreConfig {
  readonly name: string;
  readonly kind: 's3';
  /** `http://host:port` or `https://host`. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region?: string | undefined;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Default true: the bucket in the path, not in the host name. */
  readonly pathStyle?: boolean | undefined;
  /** Default false: a missing bucket is an error. */
  readonly createBucket?: boolean | undefined;
  /** Where large parts of huge uploads of unknown length wait; default the system's folder for temporary files. */
  readonly spoolDir?: string | undefined;
  /** Longest time without a byte or an answer from the store before it counts as unavailable. Default 30 s. */
  readonly idleTimeoutMs?: number | undefined;
}

export type StoreConfig = FilesystemStoreConfig | S3StoreConfig;

export interface BlobsConfig {
  readonly stores: readonly StoreConfig[];
  /** The name of one of them. */
  readonly defaultStore: string;
}
