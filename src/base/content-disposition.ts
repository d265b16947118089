/** The Content-Disposition of a download (RFC 6266): a file name that no header, shell or file system trips over. */

/** @param path only its last segment counts */
export function attachmentDisposition(path: string): string {
  const name = toFileName(path);
  const ascii = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  const extended = `filename*=UTF-8''${encodeExtended(name)}`;
  return ascii === name ? `attachment; filename="${ascii}"` : `attachment; filename="${ascii}"; ${extended}`;
}

/** Without separators, controls and what some systems refuse in a name; never empty, never a dot file by accident. */
function toFileName(path: string): string {
  const last = path.slice(path.lastIndexOf('/') + 1).toWellFormed();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go.
  const safe = last.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069/\\:*?<>|]/g, '_').trim();
  return safe === '' || /^\.+$/.test(safe) ? 'blob' : safe;
}

/** RFC 8187: attr-char stays, the rest is percent-encoded UTF-8. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
