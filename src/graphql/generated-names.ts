/** The names that types bring into the schema: built in one place, and refused where two meet. */
import { AppError } from '#base/app-error.ts';

export interface NameClaims {
  /** Takes a name for a type's sake and gives it back. @throws AppError TYPE_INVALID where it is taken already */
  claim(name: string, type: string, pointer: string): string;
}

export function createNameClaims(): NameClaims {
  const owners = new Map<string, string>();
  return {
    claim(name, type, pointer) {
      const owner = owners.get(name);
      if (owner !== undefined) {
        const message = `The type "${type}" generates the GraphQL name "${name}", as the type "${owner}" does; rename one in its manifest.`;
        throw new AppError('TYPE_INVALID', message, { faults: [{ pointer, message }] });
      }
      owners.set(name, type);
      return name;
    },
  };
}

/** `disk_format` → `DiskFormat`, `minRam` → `MinRam`. */
export function toPascal(field: string): string {
  return field
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('');
}

/** `disk_format` → `DISK_FORMAT`, `minRam` → `MIN_RAM`. */
export function toScreaming(field: string): string {
  return field.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

const enumValuePattern = /^(?!__)[A-Za-z_][A-Za-z0-9_]*$/;
const enumWords = new Set(['true', 'false', 'null']);

/** An enum is one in GraphQL where each value is a name as it stands; otherwise it stays text, so that values are the same on all planes. */
export function isGraphqlEnum(values: readonly string[]): boolean {
  return values.length > 0 && values.every((value) => enumValuePattern.test(value) && !enumWords.has(value));
}
