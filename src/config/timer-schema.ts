/** The JSON Schema of a time that somebody waits. */

/** Longer ones Node takes for one millisecond, and PostgreSQL not at all. */
const timerMaxMs = 2_147_483_647;

export function timer(fallback: number, description: string, minimum = 1) {
  return { type: 'integer', minimum, maximum: timerMaxMs, default: fallback, description } as const;
}
