import { Container, Section } from 'react-email';
import { type Locale, languageOf } from '../src/languages/language.ts';
import type { Site } from '../src/site/site.ts';
import { colours } from './design.ts';
import { type FooterLinks, MailFooter } from './footer.tsx';
import { sampleMail } from './sample.ts';

export interface CampaignFooterProps {
  locale: Locale;
  site: Site;
  links: Required<FooterLinks>;
}

/**
 * What stands under a campaign that an editor wrote: the footer of our own mails, and Mailchimp's link. It lies on a
 * ground of its own, as nobody knows the editor's.
 */
export function CampaignFooter({ locale, site, links }: CampaignFooterProps) {
  const { dir } = languageOf(locale);
  return (
    <Section
      lang={locale}
      dir={dir}
      style={{ backgroundColor: colours.light.paper, color: colours.light.ink, direction: dir }}
    >
      <Container>
        <MailFooter locale={locale} site={site} links={links} reason="reader" />
      </Container>
    </Section>
  );
}

CampaignFooter.PreviewProps = {
  locale: sampleMail.locale,
  site: sampleMail.site,
  links: { ...sampleMail.footer, mailchimpUrl: 'https://mailchimp.example/unsubscribe' },
} satisfies CampaignFooterProps;

export default CampaignFooter;
