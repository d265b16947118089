/** Where the blobs of a closure stand: apart from each other, and from the file that describes them. */
import { describe, expect, it } from 'vitest';
import { closureFileName, closurePath } from '#core/closure-path.ts';

const node = { id: '6f1c3f4e-0a52-4c6b-9d3f-2b8f6f0f9a11', project: 'default', type: 'image', name: 'cirros', version: '1.10.0' };

describe('closurePath', () => {
  it('is project, type, name, version and path; the id where there is no version, _ where there is no name', () => {
    expect(closurePath(node, 'a/b')).toBe('default/image/cirros/1.10.0/a/b');
    expect(closurePath({ ...node, version: null }, 'data')).toBe(`default/image/cirros/${node.id}/data`);
    expect(closurePath({ ...node, name: null, version: null }, 'data')).toBe(`default/image/_/${node.id}/data`);
  });

  it.each([closureFileName, 'Closure.JSON'])('leaves the place of the closure file free of a project %s', (project) => {
    expect(closurePath({ ...node, project }, 'data').toLowerCase()).toMatch(/^closure%2ejson\/image\//);
  });

  it('keeps names with separators apart from folders', () => {
    expect(closurePath({ ...node, name: '../x' }, 'data')).toBe('default/image/%2E.%2Fx/1.10.0/data');
  });
});
