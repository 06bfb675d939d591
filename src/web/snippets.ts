import type { ConsentWording } from '../consent/wordings.ts';
import type { Language } from '../languages/language.ts';

interface PlainForm {
  baseUrl: string;
  lists: readonly { slug: string; name: string; description: string }[];
  consent: ConsentWording;
  language: Language;
}

/**
 * The sign-up form as plain HTML, to be pasted into any page: it needs no script and no style of ours (W-01).
 * Its two optional fields are written as comments, for they hold addresses that only the site knows.
 */
export function plainSnippet({
  baseUrl,
  lists,
  consent,
  language: { locale, dir, text },
}: PlainForm): string {
  const choices = lists.map(
    ({ slug, name, description }) => `\
    <div>
      <label><input type="checkbox" name="lists" value="${escaped(slug)}"> <bdi>${escaped(name)}</bdi></label><br>
      <bdi>${escaped(description)}</bdi>
    </div>`,
  );
  return `\
<form lang="${locale}" dir="${dir}" method="post" action="${escaped(baseUrl)}/subscriptions">
  <h2>${escaped(text('signUp.title'))}</h2>
  <fieldset>
    <legend>${escaped(text('signUp.legend'))}</legend>
${choices.join('\n')}
  </fieldset>
  <p>
    <label>${escaped(text('signUp.email'))}
    <input type="email" name="email" autocomplete="email" required></label>
  </p>
  <input type="hidden" name="consentVersion" value="${escaped(consent.version)}">
  <input type="hidden" name="locale" value="${locale}">
  <p hidden><label>${escaped(text('signUp.honeypot'))} <input type="text" name="message" tabindex="-1" autocomplete="off"></label></p>
  <!-- Where the form stands: <input type="hidden" name="source" value="https://…"> -->
  <!-- Where to go on: <input type="hidden" name="redirect" value="https://…"> -->
  <p><button type="submit">${escaped(text('signUp.submit'))}</button></p>
  <p lang="${escaped(consent.locale)}">${escaped(consent.text).replaceAll('\n', '<br>\n  ')}</p>
</form>`;
}

/** The script tag of the widget, to be pasted behind the plain form or alone. */
export function widgetSnippet({
  baseUrl,
  language: { locale },
}: Pick<PlainForm, 'baseUrl' | 'language'>): string {
  return `<script async src="${escaped(baseUrl)}/embed.js" data-locale="${locale}"></script>`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text that stays text, between tags and in double quotes. */
const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
