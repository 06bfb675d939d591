import { scaleLinear, scalePoint } from 'd3-scale';
import { line, type SymbolType, symbol, symbolCircle, symbolSquare, symbolTriangle } from 'd3-shape';
import { count, Table } from './parts.tsx';

/** A line of a chart. Its looks are a colour, a dash and a shape, so that no colour need be told from another. */
export interface Line {
  name: string;
  look: 'first' | 'second' | 'third';
  values: readonly number[];
}

const shapes: Record<Line['look'], SymbolType> = {
  first: symbolCircle,
  second: symbolSquare,
  third: symbolTriangle,
};

const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const dayName = (day: string) => shortDay.format(new Date(`${day}T00:00:00Z`));

/** Lines over days, drawn for a wide and for a narrow page, with a table of the same numbers beneath. */
export function Chart({
  id,
  title,
  days,
  lines,
}: {
  id: string;
  title: string;
  days: readonly string[];
  lines: readonly Line[];
}) {
  return (
    <figure className="chart">
      <figcaption>
        <span>{title}</span>
        <ul className="legend">
          {lines.map(({ name, look }) => (
            <li key={name}>
              <svg viewBox="0 0 36 16" aria-hidden="true" className={look}>
                <path className="line" d="M0 8H36" />
                <path className="mark" d={symbol(shapes[look], 60)() ?? ''} transform="translate(18 8)" />
              </svg>
              {name}
            </li>
          ))}
        </ul>
      </figcaption>
      <Plot
        id={`${id}-wide`}
        className="wide"
        title={title}
        days={days}
        lines={lines}
        width={1000}
        height={280}
      />
      <Plot
        id={`${id}-narrow`}
        className="narrow"
        title={title}
        days={days}
        lines={lines}
        width={340}
        height={240}
      />
      <details id={`${id}-numbers`}>
        <summary>The numbers of this chart</summary>
        <Table
          caption={title}
          head={['Day (UTC)', ...lines.map(({ name }) => name)]}
          rows={days
            .map((day, index) => ({
              key: day,
              cells: [day, ...lines.map(({ values }) => count(values[index] ?? 0))],
            }))
            .reverse()}
        />
      </details>
    </figure>
  );
}

const margin = { top: 12, right: 14, bottom: 28, left: 48 };

function Plot({
  id,
  className,
  title,
  days,
  lines,
  width,
  height,
}: {
  id: string;
  className: string;
  title: string;
  days: readonly string[];
  lines: readonly Line[];
  width: number;
  height: number;
}) {
  const most = Math.max(1, ...lines.flatMap(({ values }) => values));
  const x = scalePoint(days, [margin.left, width - margin.right]);
  const y = scaleLinear([0, most], [height - margin.bottom, margin.top]).nice(4);
  const path = line<number>(
    (_, index) => x(days[index] ?? '') ?? 0,
    (value) => y(value),
  );
  // So many days lie between two that are named, or marked; the last one always is.
  const apart = (room: number) => Math.ceil((days.length * room) / (width - margin.left - margin.right));
  const every = (step: number) =>
    days.flatMap((day, index) => ((days.length - 1 - index) % step === 0 ? { day, index } : []));
  const summary = lines
    .map(({ name, values }) => `${name}: ${count(values.reduce((all, value) => all + value, 0))}`)
    .join(', ');
  return (
    <svg
      className={className}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-labelledby={`${id}-title ${id}-about`}
    >
      <title id={`${id}-title`}>{title}</title>
      <desc
        id={`${id}-about`}
      >{`In all, ${summary}. The numbers of each day stand in the table below.`}</desc>
      {y
        .ticks(4)
        .filter(Number.isInteger)
        .map((tick) => (
          <g key={tick}>
            <path className="grid" d={`M${margin.left} ${y(tick)}H${width - margin.right}`} />
            <text x={margin.left - 8} y={y(tick) + 4} textAnchor="end">
              {count(tick)}
            </text>
          </g>
        ))}
      {every(apart(64)).map(({ day }) => (
        <text key={day} x={x(day)} y={height - 6} textAnchor={day === days.at(-1) ? 'end' : 'middle'}>
          {dayName(day)}
        </text>
      ))}
      {lines.map(({ name, look, values }) => (
        <g key={name} className={look}>
          <path className="line" d={path([...values]) ?? ''} />
          {every(apart(30)).map(({ day, index }) => (
            <path
              className="mark"
              key={day}
              d={symbol(shapes[look], 44)() ?? ''}
              transform={`translate(${x(day)} ${y(values[index] ?? 0).toFixed(1)})`}
            />
          ))}
        </g>
      ))}
    </svg>
  );
}

/** A line so small that it stands in a table; its numbers stand beside it. */
export function Spark({ values }: { values: readonly number[] }) {
  const most = Math.max(1, ...values);
  const path = line<number>(
    (_, index) => 2 + (index * 96) / Math.max(1, values.length - 1),
    (value) => 22 - (20 * value) / most,
  );
  return (
    <svg className="spark first" viewBox="0 0 100 24" aria-hidden="true">
      <path className="line" d={path([...values]) ?? ''} />
    </svg>
  );
}
