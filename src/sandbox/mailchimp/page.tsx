import express, { type Router } from 'express';
import { z } from 'zod';
import { Navigation, page, Time } from '../page.tsx';
import { type Act, act, perform } from './acts.ts';
import type { SandboxMailchimp } from './mailchimp.ts';
import { faultNamed, plainNames } from './namedFaults.ts';
import { parse } from './requests.ts';
import type { Campaign, Interest, Member } from './state.ts';

// A button holds the whole act as JSON, so that a page without scripts can say as much as the control API.
const actForm = z.object({
  act: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(act),
});
const faultForm = z.object({ fault: z.enum(plainNames) });

/** The human page of the sandbox Mailchimp: who is in the audience, and buttons for what may happen. */
export function mailchimpPages(mailchimp: SandboxMailchimp): Router {
  const router = express.Router();
  router.use(express.urlencoded());

  router.get('/', (_request, response) => {
    response.send(audiencePage(mailchimp));
  });
  // What Mailchimp's own link in a campaign leads to.
  router.get('/leave/:member', (request, response, next) => {
    const member = mailchimp.state.members.get(request.params.member);
    if (member === undefined) return next();
    response.send(leavePage(member));
  });
  router.post('/people', (request, response) => {
    perform(mailchimp.people, parse(actForm, request.body).act);
    response.redirect(303, '/mailchimp');
  });
  router.post('/faults', (request, response) => {
    mailchimp.inject(faultNamed(parse(faultForm, request.body)));
    response.redirect(303, '/mailchimp');
  });
  router.post('/faults/clear', (_request, response) => {
    mailchimp.clearFaults();
    response.redirect(303, '/mailchimp');
  });
  return router;
}

function audiencePage({ state, audienceId }: SandboxMailchimp): string {
  const members = [...state.members].sort((a, b) => (a.last_changed < b.last_changed ? 1 : -1));
  const shown = members.slice(0, 200);
  return page({
    title: 'Mailchimp – Footnote sandbox',
    refresh: 3,
    children: (
      <>
        <Navigation />
        <main>
          <h1>Mailchimp audience</h1>
          <p className="quiet">
            {state.audience.name} ({audienceId}), {members.length} members
            {shown.length < members.length && `, the latest ${shown.length} shown`}
            {state.forgotten.size > 0 && `, ${state.forgotten.size} deleted for good`}. This page stands in
            for mailchimp.com and loads itself anew.
          </p>
          {/* A table wider than a phone scrolls by itself, also by keyboard. */}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
          <section className="scroll" tabIndex={0} aria-label="Members">
            <table>
              <thead>
                <tr>
                  {['Address', 'Status', 'Interests', 'Merge fields', 'Last change (UTC)', 'Let happen'].map(
                    (name) => (
                      <th scope="col" key={name}>
                        {name}
                      </th>
                    ),
                  )}
                </tr>
              </thead>
              <tbody>
                {shown.map((member) => (
                  <MemberRow key={member.web_id} member={member} interests={state.interests} />
                ))}
              </tbody>
            </table>
          </section>
          {members.length === 0 && <p>Nobody is here yet. People appear once they have confirmed.</p>}
          <Campaigns campaigns={state.campaigns} />
          <Faults />
        </main>
      </>
    ),
  });
}

const MemberRow = ({ member, interests }: { member: Member; interests: Interest[] }) => (
  <tr>
    <td>{member.email_address}</td>
    <td>
      {member.status}
      {member.status === 'unsubscribed' && <div className="quiet">{member.unsubscribe_reason}</div>}
    </td>
    <td>
      {interests
        .filter(({ id }) => member.interests[id] === true)
        .map(({ name }) => name)
        .join(', ')}
    </td>
    <td>
      {Object.entries(member.merge_fields).map(([tag, value]) => (
        <div key={tag}>
          <span className="quiet">{tag}</span>{' '}
          {typeof value === 'object' ? Object.values(value).join(', ') : value}
        </div>
      ))}
    </td>
    <td>
      <Time at={member.last_changed} />
    </td>
    <td>
      {actsOn(member, interests).map(({ label, act }) => (
        <form method="post" action="/mailchimp/people" key={label}>
          <button type="submit" name="act" value={JSON.stringify(act)}>
            {label}
          </button>
        </form>
      ))}
    </td>
  </tr>
);

/** What may happen to a member now. */
function actsOn(member: Member, interests: Interest[]): { label: string; act: Act }[] {
  const { email_address: email, status } = member;
  if (status === 'pending')
    return [{ label: 'Confirm in Mailchimp’s mail', act: { does: 'confirm', email } }];
  if (status !== 'subscribed') {
    return [{ label: 'Join by Mailchimp’s form', act: { does: 'subscribeByForm', email, interests: [] } }];
  }
  return [
    { label: 'Unsubscribe in Mailchimp', act: { does: 'leaveByFooter', email } },
    ...interests.map(({ id, name }) => {
      const chosen = member.interests[id] === true;
      const choice: Act = { does: 'chooseGroups', email, interests: { [id]: !chosen }, by: 'user' };
      return { label: `${chosen ? 'Leave' : 'Join'} ${name}`, act: choice };
    }),
    { label: 'Report as spam', act: { does: 'complain', email } },
    { label: 'Let the address bounce', act: { does: 'markCleaned', email } },
    { label: 'Archive', act: { does: 'archive', email } },
  ];
}

const Campaigns = ({ campaigns }: { campaigns: Campaign[] }) =>
  campaigns.length > 0 && (
    <section aria-labelledby="campaigns">
      <h2 id="campaigns">Campaigns</h2>
      <ul>
        {campaigns.map(({ id, settings, status, emails_sent }) => (
          <li key={id}>
            {settings.subject_line}{' '}
            <span className="quiet">
              {id}, {status}, mails sent: {emails_sent}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );

const leavePage = ({ email_address: email }: Member) =>
  page({
    title: 'Unsubscribe – Footnote sandbox',
    children: (
      <>
        <Navigation />
        <main>
          <h1>Unsubscribe</h1>
          <p>This page stands in for Mailchimp’s own. It takes {email} off the whole audience.</p>
          <form method="post" action="/mailchimp/people">
            <button type="submit" name="act" value={JSON.stringify({ does: 'leaveByFooter', email })}>
              Unsubscribe in Mailchimp
            </button>
          </form>
        </main>
      </>
    ),
  });

const Faults = () => (
  <section aria-labelledby="faults">
    <h2 id="faults">Make it fail</h2>
    <p className="quiet">Each button lets the next call of the API meet that fault.</p>
    {plainNames.map((name) => (
      <form method="post" action="/mailchimp/faults" key={name}>
        <button type="submit" name="fault" value={name}>
          {name.replaceAll('_', ' ')}
        </button>
      </form>
    ))}
    <form method="post" action="/mailchimp/faults/clear">
      <button type="submit">No more faults</button>
    </form>
  </section>
);
