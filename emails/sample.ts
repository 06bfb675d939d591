import { siteOf } from '../src/site/site.ts';
import type { MailProps } from './layout.tsx';

/** Of a publication that does not exist: what the preview of every mail shows. */
export const sampleMail: MailProps = {
  locale: 'en',
  site: siteOf({
    publication: {
      name: 'The Daily Example',
      postalAddress: '1 Example Street, 12345 Exampletown',
      url: 'https://daily.example/',
      logo: null,
      colour: '#1c4f82',
    },
    baseUrl: 'https://news.example',
  }),
  footer: {
    unsubscribeUrl: 'https://news.example/unsubscribe/mfrggzdfmztwq2lk',
    preferencesUrl: 'https://news.example/preferences/mfrggzdfmztwq2lk',
  },
};

export const sampleLists = [
  { name: 'Morning Briefing', description: 'What matters today, at seven each weekday.' },
  { name: 'Science Weekly', description: 'The week in research, every Friday.' },
];
