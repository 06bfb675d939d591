// What a dossier's page is made of.

type Value = string | number | Date | null;

/** Names with what is known of them; what is not is left out. */
export function Facts({ facts }: { facts: [string, Value | undefined | false][] }) {
  return (
    <dl>
      {facts.flatMap(([name, value]) =>
        value === null || value === undefined || value === false ? (
          []
        ) : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Shown value={value} />
            </dd>
          </div>
        ),
      )}
    </dl>
  );
}

/** With its heading, of the level that its place asks for. */
export function Table({
  title,
  columns,
  rows,
  level: Heading = 2,
}: {
  title: string;
  columns: string[];
  rows: Value[][];
  level?: 2 | 4;
}) {
  const Title = `h${Heading}` as const;
  return (
    <section>
      <Title>{title}</Title>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, n) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the rows never change
            <tr key={n}>
              {row.map((cell, place) => (
                <td key={columns[place]}>
                  <Shown value={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Shown({ value }: { value: Value }) {
  if (value instanceof Date) return <Time at={value.toISOString()} />;
  return typeof value === 'string' ? <Said>{value}</Said> : value;
}

/** Somebody else's words, whatever way they run. */
export const Said = ({ children }: { children: string }) => <bdi>{children}</bdi>;

/** To the millisecond, as it is sealed. */
export const Time = ({ at }: { at: string }) => (
  <time dateTime={at}>{`${at.slice(0, 10)} ${at.slice(11, 23)} UTC`}</time>
);

/** Such as `2 h 3 min 4.5 s`. */
export function duration(ms: number): string {
  const [seconds, rest] = [Math.floor(ms / 1000) % 60, Math.floor(ms / 60_000)];
  const parts: [number, string][] = [
    [Math.floor(rest / 1440), 'd'],
    [Math.floor(rest / 60) % 24, 'h'],
    [rest % 60, 'min'],
  ];
  const large = parts.flatMap(([count, unit]) => (count > 0 ? `${count} ${unit}` : []));
  return [...large, `${seconds + (ms % 1000) / 1000} s`].join(' ');
}

export const style = `
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto; max-width: 50rem; padding: 0 1rem; }
h1, h2, h3, h4 { line-height: 1.25; break-after: avoid; }
h2 { margin-top: 2.5rem; }
article { border-top: 1px solid #767676; margin-top: 1.5rem; }
dl div { display: flex; flex-wrap: wrap; gap: 0 1rem; break-inside: avoid; }
dt { flex: 0 0 13rem; color: #4a4a4a; }
dd { flex: 1 1 18rem; margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #b0b0b0; padding: .3rem .6rem .3rem 0; text-align: start; vertical-align: top; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; border-inline-start: 4px solid #767676; margin: 0; padding: .75rem 1rem; font: inherit; }
code { font: .85em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.hash { font: .8rem/1.5 ui-monospace, monospace; color: #4a4a4a; overflow-wrap: anywhere; }
.finding { border: 2px solid #1a6b2f; padding: .75rem 1rem; }
.fault { border-color: #a4161a; font-weight: bold; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } }
`;
