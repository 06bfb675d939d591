import express, { type Router } from 'express';
import { Navigation, page, Time } from '../page.tsx';
import type { SandboxMailchimp } from './mailchimp.ts';
import type { Member } from './state.ts';

/** The human page of the sandbox Mailchimp: who is in the audience, with the person's own buttons. */
export function mailchimpPages(mailchimp: SandboxMailchimp): Router {
  const router = express.Router();

  router.get('/', (_request, response) => {
    response.send(audiencePage(mailchimp));
  });
  router.post('/unsubscribe', express.urlencoded(), (request, response) => {
    mailchimp.people.leaveByFooter(String(request.body?.email));
    response.redirect(303, '/mailchimp');
  });
  router.post('/confirm', express.urlencoded(), (request, response) => {
    mailchimp.people.confirm(String(request.body?.email));
    response.redirect(303, '/mailchimp');
  });
  return router;
}

function audiencePage({ state, audienceId }: SandboxMailchimp): string {
  const members = Object.values(state.members).sort((a, b) => b.last_changed.localeCompare(a.last_changed));
  const shown = members.slice(0, 200);
  const nameOf = (id: string) => state.interests.find((interest) => interest.id === id)?.name;
  const chosen = (member: Member) =>
    Object.entries(member.interests)
      .filter(([, on]) => on)
      .map(([id]) => nameOf(id));
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
            {shown.length < members.length && `, the latest ${shown.length} shown`}. This page stands in for
            mailchimp.com and loads itself anew.
          </p>
          {/* A table wider than a phone scrolls by itself, also by keyboard. */}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
          <section className="scroll" tabIndex={0} aria-label="Members">
            <table>
              <thead>
                <tr>
                  {[
                    'Address',
                    'Status',
                    'Interests',
                    'Merge fields',
                    'Last change (UTC)',
                    'As the person',
                  ].map((name) => (
                    <th scope="col" key={name}>
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {shown.map((member) => (
                  <tr key={member.web_id}>
                    <td>{member.email_address}</td>
                    <td>
                      {member.status}
                      {member.status === 'unsubscribed' && (
                        <div className="quiet">{member.unsubscribe_reason}</div>
                      )}
                    </td>
                    <td>{chosen(member).join(', ')}</td>
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
                      {member.status === 'subscribed' && (
                        <Action
                          path="unsubscribe"
                          email={member.email_address}
                          label="Unsubscribe in Mailchimp"
                        />
                      )}
                      {member.status === 'pending' && (
                        <Action
                          path="confirm"
                          email={member.email_address}
                          label="Confirm in Mailchimp’s mail"
                        />
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          {members.length === 0 && <p>Nobody is here yet. People appear once they have confirmed.</p>}
        </main>
      </>
    ),
  });
}

const Action = (props: { path: string; email: string; label: string }) => (
  <form method="post" action={`/mailchimp/${props.path}`}>
    <input type="hidden" name="email" value={props.email} />
    <button type="submit">{props.label}</button>
  </form>
);
