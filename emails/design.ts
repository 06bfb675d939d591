import { createContext, useContext } from 'react';
import type { Locale } from '../src/languages/language.ts';
import type { Accent } from '../src/site/accent.ts';

/** The colours of our pages (src/web/assets/style.css). The accent is the publisher's. */
export const colours = {
  light: { paper: '#f6f4ef', sheet: '#fffefb', ink: '#1d1b18', soft: '#5c574f', line: '#ddd8cd' },
  dark: { paper: '#141312', sheet: '#1d1c1a', ink: '#ece9e3', soft: '#aea89d', line: '#36332f' },
} as const;

export const fonts = {
  serif: 'Georgia, "Times New Roman", serif',
  sans: 'system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif',
} as const;

/** A link, as clients without the styles of the head show it too. */
export function linkStyle(accent: Accent) {
  return { color: accent.light.accent, textDecoration: 'underline' };
}

/** Where the frame tells its parts whom they speak to, and in which colour. */
export const MailContext = createContext<{ locale: Locale; accent: Accent } | null>(null);

/** @throws outside `MailLayout` */
export function useMail(): { locale: Locale; accent: Accent } {
  const mail = useContext(MailContext);
  if (mail === null) throw new Error('the parts of a mail stand in MailLayout');
  return mail;
}

/**
 * The few styles of the head (H-03): more room where there is some, and dark colours for the clients that
 * offer them. Others invert what they find, which plain text on plain grounds survives (H-04).
 */
export function styleSheet(accent: Accent): string {
  const { paper, sheet, ink, soft, line } = colours.dark;
  return `
.link:hover { color: ${accent.light.strong} !important }
.button:hover { background-color: ${accent.light.strong} !important }
@media (min-width: 600px) {
  .side { padding-left: 48px !important; padding-right: 48px !important }
  .sheet { border: 1px solid ${colours.light.line}; border-radius: 0 0 8px 8px }
}
@media (max-width: 480px) {
  .button { display: block !important; text-align: center !important }
}
@media (prefers-color-scheme: dark) {
  .paper { background-color: ${paper} !important; color: ${ink} !important }
  .sheet { background-color: ${sheet} !important; border-color: ${line} !important }
  .sheet { border-top-color: ${accent.dark.accent} !important }
  .row { border-color: ${line} !important }
  .soft { color: ${soft} !important }
  .link { color: ${accent.dark.accent} !important }
  .link:hover { color: ${accent.dark.strong} !important }
  .button { background-color: ${accent.dark.accent} !important; color: ${accent.dark.on} !important }
  .button:hover { background-color: ${accent.dark.strong} !important }
}
`;
}
