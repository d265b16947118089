/** What an edge says of its routes for the OpenAPI document: what does not follow from paths and methods themselves. */
import type { JsonObject } from './json.ts';

/** Of one method of a route. Whoever is not known is refused everywhere, so that 401 goes without saying. */
export interface OperationDescription {
  /** One word, the same in every document: `showImage`. */
  readonly id: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, FieldDescription>>;
  readonly headers?: Readonly<Record<string, FieldDescription>>;
  /** Media type → JSON Schema of what is sent. */
  readonly body?: Readonly<Record<string, JsonObject>>;
  /** Status → what comes back. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Status → when this is refused; the form of a refusal is the plane's. */
  readonly refusals: Readonly<Record<number, string>>;
}

export interface FieldDescription {
  readonly description: string;
  /** Text where left out. */
  readonly schema?: JsonObject;
  readonly required?: boolean;
  /** It may come more than once. */
  readonly repeats?: boolean;
}

export interface AnswerDescription {
  readonly description: string;
  /** Field → what it says. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Media type → JSON Schema; none: it has no body. */
  readonly content?: Readonly<Record<string, JsonObject>>;
}

/** Of a plane: what its operations share. */
export interface PlaneDescription {
  readonly tag: string;
  readonly summary: string;
  /** Name in a path → what it stands for. */
  readonly params: Readonly<Record<string, FieldDescription>>;
  /** Schemas by name, for `{ $ref: '#/components/schemas/…' }`. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
  /** Media type → JSON Schema of a refusal. */
  readonly refusal: Readonly<Record<string, JsonObject>>;
}

/** A schema that the document has under a name. */
export function schemaRef(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}
