import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accentOf, contrast } from '../../src/site/accent.ts';

const grounds = {
  light: ['#fffefb', '#f6f4ef', '#eef3f8'],
  dark: ['#1d1c1a', '#141312', '#212930'],
};
const anyColour = fc.integer({ min: 0, max: 0xffffff }).map((it) => `#${it.toString(16).padStart(6, '0')}`);
const least = (colour: string, of: string[]) => Math.min(...of.map((ground) => contrast(colour, ground)));

describe('the contrast of two colours', () => {
  it.each([
    ['#000000', '#ffffff', 21],
    ['#ffffff', '#ffffff', 1],
    // The two that everybody cites for 1.4.3: the lightest grey that passes on white, and the first that fails.
    ['#767676', '#ffffff', 4.54],
    ['#777777', '#ffffff', 4.48],
    ['#ff0000', '#ffffff', 4],
    ['#0000ff', '#ffffff', 8.59],
  ])('of %s and %s is %d', (one, other, ratio) => {
    expect(contrast(one, other)).toBeCloseTo(ratio, 2);
    expect(contrast(other, one)).toBe(contrast(one, other));
  });
});

describe.each(['light', 'dark'] as const)('the %s shade of any colour', (ground) => {
  it('is readable on every ground, and so is text upon it (WCAG 1.4.3, 1.4.11)', () => {
    fc.assert(
      fc.property(anyColour, (colour) => {
        const { accent, strong, on } = accentOf(colour)[ground];
        expect(least(accent, grounds[ground])).toBeGreaterThanOrEqual(4.5);
        expect(contrast(on, accent)).toBeGreaterThanOrEqual(4.5);
        expect(contrast(on, strong)).toBeGreaterThanOrEqual(4.5);
      }),
      { numRuns: 300, seed: 23 },
    );
  });

  it('stands out more where it is pointed at, unless it is at the end of the scale', () => {
    fc.assert(
      fc.property(anyColour, (colour) => {
        const { accent, strong } = accentOf(colour)[ground];
        const end = ground === 'light' ? '#000000' : '#ffffff';
        const wanted = Math.min(least(accent, grounds[ground]) * 1.4, least(end, grounds[ground]));
        expect(least(strong, grounds[ground])).toBeGreaterThanOrEqual(wanted);
      }),
      { numRuns: 300, seed: 23 },
    );
  });

  it('keeps the hue', () => {
    fc.assert(
      fc.property(anyColour, (colour) => {
        const { accent, strong } = accentOf(colour)[ground];
        for (const shade of [accent, strong]) {
          // A channel is rounded to a whole, so the order of two may at most become a tie.
          const [given, made] = [partsOf(colour), partsOf(shade)];
          for (const [one, other] of [
            [0, 1],
            [1, 2],
            [2, 0],
          ] as const) {
            if ((given[one] ?? 0) > (given[other] ?? 0))
              expect(made[one]).toBeGreaterThanOrEqual(made[other] ?? 0);
          }
        }
      }),
      { numRuns: 300, seed: 23 },
    );
  });

  it('is the colour itself where that is readable', () => {
    fc.assert(
      fc.property(anyColour, (colour) => {
        fc.pre(least(colour, grounds[ground]) >= (ground === 'light' ? 4.5 : 7));
        expect(accentOf(colour)[ground].accent).toBe(colour);
      }),
    );
  });
});

function partsOf(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
}

describe('the accent', () => {
  it('is, by default, what the stylesheet has always had', () => {
    expect(accentOf('#1c4f82').light.accent).toBe('#1c4f82');
  });

  it('is a dark yellow for a yellow on paper, and the yellow itself at night', () => {
    expect(accentOf('#FFD400')).toMatchObject({ light: { accent: '#836d00' }, dark: { accent: '#ffd400' } });
  });

  it('is made for the grounds of the stylesheet', () => {
    const style = readFileSync(new URL('../../src/web/assets/style.css', import.meta.url), 'utf8');
    const found = (name: string) =>
      [...style.matchAll(new RegExp(`--${name}: (#[\\da-f]{6});`, 'g'))].map(([, colour]) => colour);
    for (const [place, name] of ['sheet', 'paper', 'tint'].entries()) {
      expect(found(name)).toEqual([grounds.light[place], grounds.dark[place]]);
    }
  });
});
