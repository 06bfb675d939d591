/** One ground's colours, as `#rrggbb`. */
export interface Shade {
  /** For links and buttons: readable on every sheet of its ground. */
  accent: string;
  /** For what is pointed at: stands out more than `accent`. */
  strong: string;
  /** For text upon `accent` and upon `strong`. */
  on: string;
}

/** The publisher's colour, for light grounds and for dark ones. */
export interface Accent {
  light: Shade;
  dark: Shade;
}

// The grounds of pages and mails, of src/web/assets/style.css: paper, sheet, tint.
const lightGrounds = ['#f6f4ef', '#fffefb', '#eef3f8'];
const darkGrounds = ['#141312', '#1d1c1a', '#212930'];

/** WCAG 2.2, 1.4.3: the contrast that text needs. */
const readable = 4.5;
/** Half-bright colours glare on a dark ground, so there it is more. */
const calm = 7;
/** How much more contrast `strong` has. */
const stronger = 1.4;

/**
 * Makes a publisher's one colour usable: it keeps its hue, and is darkened or lightened only as far as it
 * must be for text in it, and text upon it, to be readable (WCAG 2.2, 1.4.3 and 1.4.11).
 * @param colour `#rrggbb`
 */
export function accentOf(colour: string): Accent {
  return {
    light: shadeOf(colour, { grounds: lightGrounds, least: readable, towards: 0, on: '#ffffff' }),
    // As far from the accent as the darkest ground is.
    dark: shadeOf(colour, { grounds: darkGrounds, least: calm, towards: 1, on: '#141312' }),
  };
}

/** The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio"). */
export function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function shadeOf(
  colour: string,
  { grounds, least, towards, on }: { grounds: string[]; least: number; towards: 0 | 1; on: string },
): Shade {
  const worst = (shade: string) => Math.min(...grounds.map((ground) => contrast(shade, ground)));
  const moved = (start: string, wanted: number) => {
    const hsl = hslOf(start);
    let shade = start;
    for (let step = 1; worst(shade) < wanted && step <= 200; step++) {
      shade = hexOf({ ...hsl, lightness: hsl.lightness + ((towards - hsl.lightness) * step) / 200 });
    }
    return shade;
  };
  const accent = moved(colour.toLowerCase(), least);
  return { accent, strong: moved(accent, worst(accent) * stronger), on };
}

/** Red, green and blue, each from 0 to 1. */
function channels(colour: string): [number, number, number] {
  const number = Number.parseInt(colour.slice(1), 16);
  return [(number >> 16) / 255, ((number >> 8) & 255) / 255, (number & 255) / 255];
}

function luminance(colour: string): number {
  const linear = (part: number) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = channels(colour);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/** `hue` in sixths of the circle, the others from 0 to 1 (CSS Color 4, § 7). */
interface Hsl {
  hue: number;
  saturation: number;
  lightness: number;
}

function hslOf(colour: string): Hsl {
  const [red, green, blue] = channels(colour);
  const most = Math.max(red, green, blue);
  const range = most - Math.min(red, green, blue);
  const lightness = most - range / 2;
  if (range === 0) return { hue: 0, saturation: 0, lightness };
  const hue =
    most === red
      ? (green - blue) / range + 6
      : most === green
        ? (blue - red) / range + 2
        : (red - green) / range + 4;
  return { hue: hue % 6, saturation: range / (1 - Math.abs(2 * lightness - 1)), lightness };
}

function hexOf({ hue, saturation, lightness }: Hsl): string {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number) => {
    const place = (offset + hue * 2) % 12;
    return lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1));
  };
  const two = (part: number) =>
    Math.round(part * 255)
      .toString(16)
      .padStart(2, '0');
  return `#${two(channel(0))}${two(channel(8))}${two(channel(4))}`;
}
