/** What a YAML 1.1 scalar stands for, by the patterns of PyYAML's resolver; timestamps stay text, as Heat keeps them. */
import type { Scalar } from 'yaml';
import type { Json } from '#base/json.ts';

const prefix = 'tag:yaml.org,2002:';
const nullText = /^(?:~|null|Null|NULL|)$/;
const trueText = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const falseText = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const floatText =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)$/;
const infinityText = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const intText =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;

/**
 * The JSON value; undefined where an explicit tag is not one of YAML's plain scalars, or does not fit the text, and for the
 * plain `=` and `<<`, which YAML 1.1 keeps for itself. Numbers that JSON cannot carry stay text.
 */
export function plainScalar(text: string, isPlain: boolean, tag: string | undefined): Json | undefined {
  switch (tag) {
    case undefined:
      return isPlain ? implicit(text) : text;
    case '!':
    case `${prefix}str`:
    case `${prefix}timestamp`:
      return text;
    case `${prefix}null`:
      return nullText.test(text) ? null : undefined;
    case `${prefix}bool`:
      return booleanOf(text);
    case `${prefix}int`:
      return intText.test(text) ? integerOf(text) : undefined;
    case `${prefix}float`:
      return floatText.test(text) || intText.test(text) ? floatOf(text) : undefined;
    default:
      return undefined;
  }
}

/** The text of a scalar node as it was read: without quotes, escapes resolved. */
export function scalarText({ source, value }: Scalar): string {
  return source ?? (typeof value === 'string' ? value : '');
}

function implicit(text: string): Json | undefined {
  if (text.length > 64) return text;
  if (text === '=' || text === '<<') return undefined;
  if (nullText.test(text)) return null;
  const truth = booleanOf(text);
  if (truth !== undefined) return truth;
  if (intText.test(text)) return integerOf(text);
  if (infinityText.test(text)) return text;
  return floatText.test(text) ? floatOf(text) : text;
}

function booleanOf(text: string): boolean | undefined {
  if (trueText.test(text)) return true;
  return falseText.test(text) ? false : undefined;
}

function integerOf(text: string): Json {
  const digits = text.replaceAll('_', '').replace(/^[-+]/, '');
  const sign = text.startsWith('-') ? -1 : 1;
  const size = magnitude(digits);
  return Number.isSafeInteger(size) ? (size === 0 ? 0 : sign * size) : text;
}

function magnitude(digits: string): number {
  if (digits.startsWith('0b')) return Number.parseInt(digits.slice(2), 2);
  if (digits.startsWith('0x')) return Number.parseInt(digits.slice(2), 16);
  if (digits.includes(':')) return sexagesimal(digits);
  return Number.parseInt(digits, digits.startsWith('0') ? 8 : 10);
}

function floatOf(text: string): Json {
  const digits = text.replaceAll('_', '').replace(/^[-+]/, '');
  const size = digits.includes(':') ? sexagesimal(digits) : Number.parseFloat(digits);
  if (!Number.isFinite(size)) return text;
  return text.startsWith('-') ? -size : size;
}

/** `1:30` is ninety: YAML 1.1 counts in base 60. */
function sexagesimal(digits: string): number {
  return digits.split(':').reduce((total, part) => total * 60 + Number.parseFloat(part), 0);
}
