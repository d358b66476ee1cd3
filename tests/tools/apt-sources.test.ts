import { describe, expect, it } from 'vitest';
import { majorVersion } from '../../tools/setup/apt.mjs';
import { backportsSource } from '../../tools/setup/apt-sources.mjs';

const DEB822 = `# The release and its updates.
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

const ONE_LINE = `# deb http://old.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian bookworm main contrib # the release
deb http://mirror.example/debian-security bookworm-security main
`;

const file = (name: string, text: string) => ({ path: `/etc/apt/sources.list.d/${name}`, text });

describe('the backports derived from apt sources', () => {
  it('keep the mirror and the key of a deb822 source', () => {
    expect(backportsSource([file('debian.sources', DEB822)], 'bookworm')).toEqual({
      extension: 'sources',
      text: `Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-backports
Components: main
Signed-By: 
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
`,
    });
  });

  it('keep the options of a source of one line', () => {
    const files = [{ path: '/etc/apt/sources.list', text: ONE_LINE }];
    expect(backportsSource(files, 'bookworm')).toEqual({
      extension: 'list',
      text: 'deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian bookworm-backports main\n',
    });
  });

  it('are not added twice, whatever the form of the source that has them', () => {
    const stanza = file('more.sources', DEB822.replace('bookworm-updates', 'bookworm-backports'));
    const line = file('more.list', 'deb http://mirror.example/debian bookworm-backports main\n');
    expect(backportsSource([file('debian.sources', DEB822), line], 'bookworm')).toBe('present');
    expect(backportsSource([stanza], 'bookworm')).toBe('present');
  });

  it('do not count a source that is switched off', () => {
    const off = file('debian.sources', DEB822.replace('URIs:', 'Enabled: no\nURIs:'));
    expect(backportsSource([off], 'bookworm')).toBeUndefined();
  });

  it('need a source of this very release', () => {
    expect(backportsSource([file('debian.sources', DEB822)], 'trixie')).toBeUndefined();
  });
});

describe('the major version of a Debian package', () => {
  it.each([
    ['25.0.7-2~bpo12+1', 25],
    ['1:22.3.6-1+deb12u1', 22],
    ['', 0],
  ])('%s is %d', (version, major) => {
    expect(majorVersion(version)).toBe(major);
  });
});
