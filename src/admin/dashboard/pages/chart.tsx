import { scaleLinear, scalePoint } from 'd3-scale';
import { line, type SymbolType, symbol, symbolCircle, symbolSquare, symbolTriangle } from 'd3-shape';
import { sum } from '../numbers.ts';
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

interface Shown {
  id: string;
  title: string;
  days: readonly string[];
  lines: readonly Line[];
  /** Whether there are so many at the end of a day, rather than so many in its course. */
  isLevel?: boolean;
}

/** Lines over days, drawn for a wide and for a narrow page, with a table of the same numbers beneath. */
export function Chart(shown: Shown) {
  const { id, title, days, lines } = shown;
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
      <Plot {...shown} id={`${id}-wide`} className="wide" width={1000} height={280} />
      <Plot {...shown} id={`${id}-narrow`} className="narrow" width={340} height={240} />
      <details id={`${id}-numbers`}>
        <summary id={`${id}-show`}>The numbers of this chart</summary>
        <Table
          id={`${id}-table`}
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

const margin = { top: 12, right: 14, bottom: 28 };
/** Pixels that a digit of the axis takes. */
const digit = 7;

function Plot({
  id,
  className,
  title,
  days,
  lines,
  isLevel = false,
  width,
  height,
}: Shown & { className: string; width: number; height: number }) {
  const values = lines.flatMap((line) => line.values);
  // A level of thousands that changes by tens would be a flat line above nothing.
  const least = isLevel ? Math.max(0, Math.min(...values) - 1) : 0;
  const y = scaleLinear([least, Math.max(least + 1, ...values)], [height - margin.bottom, margin.top]).nice(
    4,
  );
  const ticks = y.ticks(4).filter(Number.isInteger);
  const left = Math.max(48, 12 + digit * Math.max(...ticks.map((tick) => count(tick).length)));
  const x = scalePoint(days, [left, width - margin.right]);
  const path = line<number>(
    (_, index) => x(days[index] ?? '') ?? 0,
    (value) => y(value),
  );
  // So many days lie between two that are named, or marked; the last one always is.
  const apart = (room: number) => Math.ceil((days.length * room) / (width - left - margin.right));
  const every = (step: number) =>
    days.flatMap((day, index) => ((days.length - 1 - index) % step === 0 ? { day, index } : []));
  const summary = lines.map(({ name, values }) =>
    isLevel
      ? `${name}: from ${count(values[0] ?? 0)} to ${count(values.at(-1) ?? 0)}`
      : `${name}, in all: ${count(sum(values))}`,
  );
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
      >{`${summary.join('; ')}. The numbers of each day stand in the table below.`}</desc>
      {ticks.map((tick) => (
        <g key={tick}>
          <path className="grid" d={`M${left} ${y(tick)}H${width - margin.right}`} />
          <text x={left - 8} y={y(tick) + 4} textAnchor="end">
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
