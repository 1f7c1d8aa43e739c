import { describe, expect, it } from 'vitest';
import { aptOptionsOf, debianReference } from '../../../../engine/image/debian-command.ts';
import { parseDeb822, parseOneLine } from '../../../../engine/image/debian-sources.ts';

describe('the sources of apt', () => {
  it.each([
    [
      'deb http://deb.debian.org/debian bookworm main contrib # mine',
      ['http://deb.debian.org/debian', 'bookworm', ['main', 'contrib'], undefined],
    ],
    ['  deb [arch=amd64 signed-by=/k.gpg] http://m/d sid main', ['http://m/d', 'sid', ['main'], '/k.gpg']],
    ['deb-src http://m/d sid main', undefined],
    ['# deb http://m/d sid main', undefined],
  ])('on one line: `%s`', (line, expected) => {
    const found = parseOneLine(line).map(({ uri, suite, components, signedBy }) => [uri, suite, components, signedBy]);
    expect(found).toEqual(expected === undefined ? [] : [expected]);
  });

  it('in stanzas: each address with each suite, comments and what is switched off left out', () => {
    const text = `Types: deb deb-src\n# a comment\nURIs: http://a http://b\nSuites: sid\n stable\nComponents: main\nSigned-By: /k.gpg\n
Types: deb\nEnabled: no\nURIs: http://c\nSuites: sid\nComponents: main\n`;
    expect(parseDeb822(text).map(({ uri, suite, signedBy }) => `${uri} ${suite} ${signedBy}`)).toEqual([
      'http://a sid /k.gpg',
      'http://a stable /k.gpg',
      'http://b sid /k.gpg',
      'http://b stable /k.gpg',
    ]);
  });

  it('are reached with the options of the host, and those alone', () => {
    const dump =
      'Acquire::http::Proxy "http://proxy:3128";\nAcquire::Languages "";\nAPT::Architecture "amd64";\nAcquire::Check-Valid-Until "false";\n';
    expect(aptOptionsOf(dump)).toEqual(['Acquire::http::Proxy "http://proxy:3128"', 'Acquire::Check-Valid-Until "false"']);
  });
});

describe('an image of Debian packages', () => {
  const source = { kind: 'debian', suite: 'bookworm', packages: ['a1', 'b1'], mirror: undefined } as const;
  it('is known by its inputs, whatever the order of packages', () => {
    const reference = debianReference(source, 'amd64');
    expect(reference).toMatch(/^tsstack\.local\/debian:bookworm-[0-9a-f]{16}$/);
    expect(debianReference({ ...source, packages: ['b1', 'a1', 'a1'] }, 'amd64')).toBe(reference);
    const others = [
      { ...source, packages: ['a1'] },
      { ...source, mirror: 'http://m/d' },
      { ...source, suite: 'sid' },
    ];
    expect(new Set([reference, debianReference(source, 'arm64'), ...others.map((each) => debianReference(each, 'amd64'))]).size).toBe(5);
  });

  it.each([{ suite: '--help' }, { packages: ['-o=x'] }, { packages: ['a1; reboot'] }, { mirror: 'deb http://m' }])(
    'is refused where apt or a shell would understand something else: %o',
    (wrong) => {
      expect(() => debianReference({ ...source, ...wrong }, 'amd64')).toThrow(/cannot make a Debian image: `.*` is no /);
    },
  );
});
