import type { ReactNode } from 'react';
import type { Finding } from '../../../platform/finding.ts';

// What several pages of the dashboard are made of.

const format = new Intl.NumberFormat('en');
export const count = (value: number) => format.format(value);

/** A share in percent; a dash where there is nothing to have a share of. */
export const share = (part: number, whole: number) =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(part === whole ? 0 : 1)} %`;

const moment = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'short',
  timeZone: 'UTC',
});

/** A time in UTC, exact for machines; `otherwise` where there is none. */
export function Time({ at, otherwise = 'never' }: { at: Date | string | null; otherwise?: string }) {
  if (at === null) return otherwise;
  const date = new Date(at);
  return <time dateTime={date.toISOString()}>{moment.format(date)}</time>;
}

/** What is told in pairs of a name and a value. */
export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table that scrolls by itself where it is too wide, and on a phone is a list. The first cell of a row names it. */
export function Table({
  id,
  caption,
  head,
  rows,
}: {
  id: string;
  caption: string;
  head: readonly string[];
  rows: readonly { key: string; cells: readonly ReactNode[] }[];
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it by keys (WCAG 2.1.1)
    <section id={id} className="scrolling" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells: [first, ...others] }) => (
            <tr key={key}>
              <th scope="row">{first}</th>
              {others.map((cell, index) => (
                <td key={head[index + 1]} data-label={head[index + 1]}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const words = { ok: 'fine', warning: 'warning', fault: 'fault' } as const;

/** What is wrong, the worst first, with what to do; what is fine in a word. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  const wrong = findings
    .filter(({ status }) => status !== 'ok')
    .sort((a, b) => Number(b.status === 'fault') - Number(a.status === 'fault'));
  const fine = findings.filter(({ status }) => status === 'ok');
  return (
    <>
      {wrong.length > 0 && (
        <ul className="findings">
          {wrong.map(({ check, status, message, remedy }) => (
            <li className={status} key={`${check} ${message}`}>
              <p>
                <strong>{words[status]}</strong> {check}: {message}
              </p>
              {remedy !== null && <p className="remedy">{remedy}</p>}
            </li>
          ))}
        </ul>
      )}
      {fine.length > 0 && (
        <details id="fine">
          <summary id="fine-checks">
            {wrong.length === 0 ? 'All is fine' : 'Fine'}: {count(fine.length)} checks
          </summary>
          <ul>
            {fine.map(({ check, message }) => (
              <li key={`${check} ${message}`}>
                {check}: {message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** A form with nothing but its button. One in a part that follows by itself has an id, to keep the focus by. */
export function ButtonForm({
  id,
  action,
  fields = {},
  quiet = false,
  children,
}: {
  id?: string;
  action: string;
  fields?: Record<string, string>;
  quiet?: boolean;
  children: ReactNode;
}) {
  return (
    <form method="post" action={action}>
      {Object.entries(fields).map(([name, value]) => (
        <input type="hidden" name={name} value={value} key={name} />
      ))}
      <button type="submit" id={id} className={quiet ? 'quiet' : undefined}>
        {children}
      </button>
    </form>
  );
}
