/** Random versions and ranges for the property tests of this room. */
import fc from 'fast-check';

const smallNumber = fc.constantFrom('0', '0', '1', '2', '3', '9', '10');
const hugeNumber = fc
  .tuple(
    fc.constantFrom(...'123456789'.split('')),
    fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), maxLength: 40 }),
  )
  .map(([head, tail]) => head + tail);
const prerelease = fc.constantFrom('', '', '-0', '-1', '-9', '-10', '-a', '-A', '-a.1', '-a.b', '-a-b', '-rc.2', '-0a');
const build = fc.constantFrom('', '', '', '+b', '+001');
const identifier = fc.oneof(
  smallNumber,
  hugeNumber,
  fc
    .string({ unit: fc.constantFrom(...'09aAzZ-'.split('')), minLength: 1, maxLength: 6 })
    .filter((text) => !/^0[0-9]+$/.test(text)),
);

/** Inside the domain of the `semver` package, and crowded, so that two of them are often near each other. */
export const smallVersionText = fc
  .tuple(smallNumber, smallNumber, smallNumber, prerelease, build)
  .map(([major, minor, patch, rest, meta]) => `${major}.${minor}.${patch}${rest}${meta}`);

/** Any version, numbers beyond 2^53 included. */
export const anyVersionText = fc.oneof(
  smallVersionText,
  fc
    .tuple(
      fc.oneof(smallNumber, hugeNumber),
      fc.oneof(smallNumber, hugeNumber),
      fc.oneof(smallNumber, hugeNumber),
      fc.array(identifier, { maxLength: 4 }),
    )
    .map(([major, minor, patch, ids]) => `${major}.${minor}.${patch}${ids.length === 0 ? '' : `-${ids.join('.')}`}`),
);

const xr = fc.oneof({ weight: 6, arbitrary: smallNumber }, { weight: 1, arbitrary: fc.constantFrom('x', 'X', '*') });
const partial = fc
  .tuple(fc.constantFrom('', '', '', '', 'v', '='), fc.array(xr, { minLength: 1, maxLength: 3 }), prerelease, build)
  .map(([prefix, parts, rest, meta]) => prefix + parts.join('.') + (parts.length === 3 ? rest + meta : ''));
const operator = fc.constantFrom('', '', '<', '>', '<=', '>=', '=', '~', '~>', '^', '^');
const simple = fc.tuple(operator, fc.constantFrom('', '', ' '), partial).map((parts) => parts.join(''));
const set = fc.oneof(
  { weight: 4, arbitrary: fc.array(simple, { minLength: 1, maxLength: 3 }).map((simples) => simples.join(' ')) },
  { weight: 1, arbitrary: fc.tuple(partial, partial).map((ends) => ends.join(' - ')) },
);

/** Text of node-semver's grammar, some of it refused for what it says (`1.x.3`, `==1.2.3`). */
export const rangeText = fc
  .tuple(fc.array(set, { minLength: 1, maxLength: 3 }), fc.constantFrom('||', ' || '))
  .map(([sets, or]) => sets.join(or));

/** Text of the grammar's characters in any order. */
export const rangeSoup = fc
  .array(fc.constantFrom(...'0123.x*v=<>~^- |-a+'.split(''), '||', ' - ', '1.2.3', '>='), { maxLength: 9 })
  .map((parts) => parts.join(''));
