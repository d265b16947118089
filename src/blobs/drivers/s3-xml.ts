/** The few elements of S3's XML that the driver reads. Servers write them flat and without attributes inside. */

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The text of the first such element, or undefined. */
export function findXmlText(xml: string, element: string): string | undefined {
  return findXmlTexts(xml, element)[0];
}

/** The content of every such element, entities decoded; for an element with children its inner XML. */
export function findXmlTexts(xml: string, element: string): string[] {
  const found: string[] = [];
  for (const match of xml.matchAll(new RegExp(`<${element}(?:\\s[^>]*)?>([^]*?)</${element}>`, 'g'))) {
    const inner = match[1] ?? '';
    found.push(inner.includes('<') ? inner : decodeXml(inner));
  }
  return found;
}

export function encodeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function decodeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return entities[name] ?? whole;
  });
}
