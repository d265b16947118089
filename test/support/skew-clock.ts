/** Loaded by a child (`--import`): its clock jumps by TEST_CLOCK_SKEW_MS when it gets SIGUSR2, or has done so from its start. */

const skew = process.env['TEST_CLOCK_SKEW_MS'];
if (skew !== undefined) skewClock(Number(skew));

function skewClock(skewMs: number): void {
  const RealDate = Date;
  let jumpMs = process.env['TEST_CLOCK_SKEW_AT'] === 'start' ? skewMs : 0;
  const now = (): number => RealDate.now() + jumpMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, values, newTarget) => Reflect.construct(target, values.length === 0 ? [now()] : values, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  });
  process.on('SIGUSR2', () => {
    jumpMs = skewMs;
  });
}

/** The environment of a child whose clock jumps. */
export function skewEnvironment(ms: number, at: 'signal' | 'start'): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import ${import.meta.url}`, TEST_CLOCK_SKEW_MS: String(ms), TEST_CLOCK_SKEW_AT: at };
}
