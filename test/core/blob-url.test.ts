/** The path of a blob on this server. */

import { describe, expect, it } from 'vitest';
import { blobUrl } from '#core/blob-url.ts';

const id = '6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11';

describe('blobUrl', () => {
  it('leaves the path out for a slot of one', () => {
    expect(blobUrl(id, 'data', 'one', 'disk.img')).toBe(`/api/v1/artifacts/${id}/slots/data`);
  });

  it('encodes each segment of a map path, and keeps its slashes', () => {
    const url = blobUrl(id, 'files', 'map', 'a b/ü?#%/c.yaml');
    expect(url).toBe(`/api/v1/artifacts/${id}/slots/files/a%20b/%C3%BC%3F%23%25/c.yaml`);
    expect(new URL(url, 'http://h').pathname).toBe(url);
  });
});
