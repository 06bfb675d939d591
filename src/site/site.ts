import type { Settings } from '../settings.ts';
import { type Accent, accentOf } from './accent.ts';

/** How the publisher presents itself, on pages and in mails alike. */
export interface Site {
  publication: string;
  postalAddress: string;
  /** The publisher's website; null when not told. */
  home: string | null;
  logo: {
    /** Absolute, on BASE_URL. */
    url: string;
    /** The size that it is shown in, in CSS pixels. */
    width: number;
    height: number;
    /** Wide enough to spell the name; a mere sign stands beside it, as its `alt` would not fit. */
    spellsName: boolean;
  } | null;
  accent: Accent;
}

/** The largest that a logo is shown, in CSS pixels. */
const most = { width: 240, height: 40 };

/** What pages and mails need to know of the publisher. */
export function siteOf({ publication, baseUrl }: Pick<Settings, 'publication' | 'baseUrl'>): Site {
  const { name, postalAddress, url, logo, colour } = publication;
  return {
    publication: name,
    postalAddress,
    home: url,
    logo: logo && {
      url: `${baseUrl}/assets/logo.png`,
      ...shownSize(logo),
      spellsName: logo.width >= 3 * logo.height,
    },
    accent: accentOf(colour),
  };
}

/** Scaled down where it is too large, never up, as that blurs. */
function shownSize({ width, height }: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.min(1, most.width / width, most.height / height);
  const scaled = (side: number) => Math.max(1, Math.round(side * scale));
  return { width: scaled(width), height: scaled(height) };
}
