/** What an HTTP edge exports and the http room mounts: a plane of routes, and how that plane says no. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AppError } from './app-error.ts';
import type { OperationDescription, PlaneDescription } from './http-description.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'OPTIONS';

/** One request on its way through a handler. */
export interface HttpExchange<Context> {
  readonly context: Context;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The segments that the route's path names with `:`, percent-decoded; what its `*` stands for, not decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** What follows the `?`, parsed. */
  readonly query: () => URLSearchParams;
  /** Tells a sender that waits for leave (`Expect: 100-continue`) to send its body. Nothing to others. */
  readonly acceptBody: () => void;
}

/** Resolves when the response has ended; what it throws is answered in the plane's form, or cuts an answer that had begun. */
export type HttpHandler<Context> = (exchange: HttpExchange<Context>) => Promise<void>;

export interface HttpRoute<Context> {
  /** `/a/:name/b`, and `/a/*` for any number of further segments. */
  readonly path: string;
  readonly methods: Readonly<Partial<Record<HttpMethod, HttpHandler<Context>>>>;
  /** For the OpenAPI document; a route without them is not in it. */
  readonly operations?: Readonly<Partial<Record<HttpMethod, OperationDescription>>> | undefined;
  /** Bytes flow for as long as they flow: no deadline but that of a stalled connection. */
  readonly isTransfer?: boolean;
}

/** A request that anybody may make: who calls is not asked. */
export interface OpenExchange<Context> {
  readonly settings: Context['settings' & keyof Context];
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** A path that needs no caller; answered at once, to GET and to HEAD. */
export interface OpenRoute<Context> {
  readonly path: string;
  /** Of GET, for the OpenAPI document; a route without one is not in it. */
  readonly operation?: OperationDescription;
  readonly answer: (exchange: OpenExchange<Context>) => void;
}

export interface HttpPlane<Context> {
  /** For logs and metrics. */
  readonly name: string;
  /** Whether a path that no route has is this plane's to refuse. */
  readonly owns: (path: string) => boolean;
  readonly routes: readonly HttpRoute<Context>[];
  readonly open?: readonly OpenRoute<Context>[];
  /** The same target as this plane's routes have it, where a request may say in a header what belongs to the path. */
  readonly toTarget?: (headers: IncomingHttpHeaders, target: string) => string;
  /** Answers a path that no route has with something better than a refusal; false: there is nothing better. */
  readonly answerUnknown?: (exchange: OpenExchange<Context>) => boolean;
  /** Whoever is nobody is told so (UNAUTHENTICATED) also on a path that no route has, as where a login stands before everything. */
  readonly knowsCallersOnly?: boolean;
  /** For the OpenAPI document; undefined: the plane has no part in it. */
  readonly description?: PlaneDescription;
  /**
   * Headers are still unsent when it is called; `extra` ones are part of the refusal (Allow, WWW-Authenticate).
   * `route` is the path of the route that refused, undefined where the request reached none.
   */
  readonly answerError: (
    request: IncomingMessage,
    response: ServerResponse,
    error: AppError,
    extra: Readonly<Record<string, string>>,
    route?: string,
  ) => void;
}
