import { describe, expect, it } from 'vitest';
import { mountsUnder, parseMountinfo } from '../../../../engine/codec/mountinfo.ts';

describe('parseMountinfo', () => {
  it('reads every field, with any number of optional ones', () => {
    const text = '36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n';
    expect(parseMountinfo(text)).toEqual([
      {
        mountId: 36,
        parentId: 35,
        device: '98:0',
        root: '/mnt1',
        mountPoint: '/mnt2',
        options: ['rw', 'noatime'],
        propagation: ['shared:1', 'master:2'],
        type: 'ext3',
        source: '/dev/root',
        superOptions: ['rw', 'errors=continue'],
      },
    ]);
    expect(parseMountinfo('36 35 98:0 / /a rw - tmpfs none rw')[0]?.propagation).toEqual([]);
  });

  it('undoes the escapes of odd names', () => {
    const [mount] = parseMountinfo('36 35 98:0 /a\\011b /with\\040space\\134x rw - tmpfs no\\040ne rw');
    expect([mount?.root, mount?.mountPoint, mount?.source]).toEqual(['/a\tb', '/with space\\x', 'no ne']);
  });

  it('takes an empty source, and leaves out lines it does not understand', () => {
    expect(parseMountinfo('36 35 0:9 / /a rw -  tmpfs\nnonsense\n\n36 35 0:9 / /b rw - tmpfs  rw')).toHaveLength(2);
  });
});

describe('mountsUnder', () => {
  it('finds mounts at and below a path, not beside it', () => {
    const line = (point: string): string => `36 35 0:9 / ${point} rw - tmpfs none rw`;
    const entries = parseMountinfo(['/v', '/v/a', '/va', '/'].map(line).join('\n'));
    expect(mountsUnder(entries, '/v')).toEqual(['/v', '/v/a']);
  });
});
