/** What the descriptions of operations of this API have in common: sentences, answers of JSON, and what is refused alike. */
import { type AnswerDescription, type FieldDescription, type OperationDescription, schemaRef } from '#base/http-description.ts';
import type { HttpRoute } from '#base/http-route.ts';
import type { JsonObject } from '#base/json.ts';

export type Operations = NonNullable<HttpRoute<never>['operations']>;

type Refusals = OperationDescription['refusals'];

export const noSuchImage = 'There is no such image, or none that the caller may see.';
export const noReader = 'The caller has no role that reads.';
export const readOnly = 'The server is read-only for the time being, or what it stands on does not answer.';
export const unexpectedBody = 'The request has a body, and takes none.';
export const codedBody = 'The body has a content coding.';

export const done: AnswerDescription = { description: 'Done.' };

export function json(name: string): Readonly<Record<string, JsonObject>> {
  return { 'application/json': schemaRef(name) };
}

export function told(description: string, schema?: JsonObject): FieldDescription {
  return schema === undefined ? { description } : { description, schema };
}

/** Of what reads an image, or something of it. */
export function refusedReading(more: Refusals): Refusals {
  return { 400: unexpectedBody, 404: noSuchImage, ...more };
}

/** Of what changes an image by its method and path alone. */
export function refusedChange(more: Refusals): Refusals {
  return refusedReading({ 503: readOnly, ...more });
}

/** What is there for who asks, without anything to name. @param forbidden where not everybody may ask */
export function about(id: string, summary: string, schema: string, forbidden?: string): Operations {
  return {
    GET: {
      id,
      summary,
      answers: { 200: { description: `${summary}.`, content: json(schema) } },
      refusals: { 400: unexpectedBody, ...(forbidden === undefined ? {} : { 403: forbidden }) },
    },
  };
}
