/** Collects the values of a statement while its text is written, so that no value ever becomes text. */
import { randomUUID } from 'node:crypto';
import { AppError } from '#base/app-error.ts';

export interface SqlValues {
  /** A mark that stands for the value in the text. Marks that do not end up in the text cost nothing. */
  add(value: unknown, cast: string): string;
  /** The text with its marks numbered as placeholders, and their values in that order. @throws AppError QUERY_TOO_COMPLEX */
  finish(text: string): { readonly text: string; readonly values: readonly unknown[] };
}

// Random, so that no literal in a text (a property's name) can look like a mark.
const secret = randomUUID();
const markPattern = new RegExp(`<${secret}:([0-9]+)>`, 'g');

export function createSqlValues(): SqlValues {
  const added: unknown[] = [];
  return {
    add: (value, cast) => {
      added.push(value);
      return `<${secret}:${added.length - 1}>::${cast}`;
    },
    finish: (text) => {
      assertTextLength(text.length);
      const places = new Map<number, number>();
      const numbered = text.replace(markPattern, (_mark, index: string) => {
        const place = places.get(Number(index)) ?? places.size + 1;
        places.set(Number(index), place);
        return `$${place}`;
      });
      return { text: numbered, values: [...places.keys()].map((index) => added[index]) };
    },
  };
}

/** In characters, marks included. Many times what lists need; reading and planning more would take the server seconds. */
const textLengthMax = 1_000_000;

/** @throws AppError QUERY_TOO_COMPLEX for a statement that is too long to be sent */
export function assertTextLength(length: number): void {
  if (length <= textLengthMax) return;
  throw new AppError(
    'QUERY_TOO_COMPLEX',
    'The filter has too many conditions and values for all the projects and types that it names.',
  );
}

/** A text as a SQL literal, for the few places that take no placeholder (index definitions) and must match them. */
export function sqlLiteral(text: string): string {
  if (text.includes('\0')) throw new TypeError('a SQL literal cannot hold U+0000');
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}
