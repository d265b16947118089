/** What the main thread and a hook's worker thread say to each other. */
import type { BlobView, HookArtifact } from '#sdk/sdk.ts';

export const hookNames = ['validate', 'inspectBlob', 'derive', 'beforePublish'] as const;
export type HookName = (typeof hookNames)[number];

/** A blob without its bytes; the worker asks for those by its place in the list. */
export type BlobFacts = Omit<BlobView, 'read'>;

/** Given to the worker as it starts. `probe`: only load each file and say what it exports. */
export type WorkerTask =
  | { readonly kind: 'probe'; readonly files: readonly string[] }
  | { readonly kind: 'serve'; readonly file: string; readonly readBytes: number; readonly sliceMs: number };

export type ToWorker =
  | {
      readonly kind: 'call';
      /** Every answer carries it: what an earlier call left running cannot speak for a later one. */
      readonly call: number;
      readonly hook: HookName;
      readonly artifact: Omit<HookArtifact, 'blobs'>;
      /** Those of the artifact; null: the same as in the call before. An artifact of ten thousand blobs has as many calls. */
      readonly blobs: readonly BlobFacts[] | null;
      /** For inspectBlob: one after another, as far as the slice of time goes; read by the places behind those of the artifact. */
      readonly inspected: readonly BlobFacts[];
      /** What those begin with, one behind another: small blobs are inspected without a question. */
      readonly heads: Uint8Array;
      readonly headBytes: readonly number[];
    }
  | { readonly kind: 'bytes'; readonly read: number; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly read: number; readonly message: string };

export type FromWorker =
  /** The hooks file is loaded; calls may come. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'probed'; readonly file: string; readonly exports: readonly string[]; readonly problem: string | null }
  | {
      readonly kind: 'read';
      readonly call: number;
      readonly read: number;
      readonly blob: number;
      /** The blob among the inspected whose turn it is. */
      readonly turn: number;
      readonly offset: number;
      readonly length: number;
    }
  /** Results as JSON texts, so that nothing but JSON crosses: of those inspected the first ones, or one. */
  | { readonly kind: 'results'; readonly call: number; readonly jsons: readonly string[] }
  | { readonly kind: 'failed'; readonly call: number; readonly message: string };
