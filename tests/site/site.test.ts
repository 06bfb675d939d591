import { describe, expect, it } from 'vitest';
import { readSettings } from '../../src/settings.ts';
import { accentOf } from '../../src/site/accent.ts';
import { siteOf } from '../../src/site/site.ts';

const { publication } = readSettings({});
const baseUrl = 'https://newsletters.daily.example';

describe('how the publisher presents itself', () => {
  it('is a name, an address and a colour when nothing else is told', () => {
    expect(siteOf({ publication, baseUrl })).toEqual({
      publication: 'The Daily Example',
      postalAddress: 'The Daily Example, 1 Sample Street, 00000 Anytown',
      home: null,
      logo: null,
      accent: accentOf('#1c4f82'),
    });
  });

  it.each([
    ['480 by 80', 'in half', { width: 480, height: 80 }, { width: 240, height: 40 }],
    ['as wide as a banner', 'to 240 wide', { width: 1200, height: 100 }, { width: 240, height: 20 }],
    ['a square', 'to 40 high', { width: 512, height: 512 }, { width: 40, height: 40 }],
    ['small', 'not at all', { width: 32, height: 16 }, { width: 32, height: 16 }],
    ['a mere line', 'and stays visible', { width: 2400, height: 2 }, { width: 240, height: 1 }],
  ])('scales a logo that is %s %s', (_, __, size, shown) => {
    const logo = { png: Buffer.alloc(0), ...size };
    expect(siteOf({ publication: { ...publication, logo }, baseUrl }).logo).toMatchObject({
      url: 'https://newsletters.daily.example/assets/logo.png',
      ...shown,
    });
  });

  it('is spelled by a logo three times as wide as high, and has any other beside its name', () => {
    const spells = (width: number) => {
      const logo = { png: Buffer.alloc(0), width, height: 40 };
      return siteOf({ publication: { ...publication, logo }, baseUrl }).logo?.spellsName;
    };
    expect([spells(120), spells(119)]).toEqual([true, false]);
  });
});
