import type uPlot from 'uplot';
import { smallText } from '../text/figures';
import type { ChartLine } from './chart-line';

/** What a chart looks like, apart from its lines. */
export interface ChartLook {
  height: number;
  /** Powers of ten on the vertical axis. */
  logarithmic: boolean;
  /** How values are written on the axes. */
  formatX: 'count' | 'duration';
  /** How far x goes at least, and y while there is nothing. */
  least: { x: number; y: number };
  /** A small chart marks its lowest and its highest value and nothing on the horizontal axis. */
  small: boolean;
}

/** uPlot's scale kinds are an ambient enum, whose names are not there when it runs. */
const LOGARITHMIC = { distr: 3 };
const FONT = '12px system-ui, sans-serif';

/** What an axis shows above and below at least, as a share of its values: enough for marks of three digits. */
const LEAST_MARGIN = 0.02;

/** What may lie between two marks on the horizontal axis: round numbers of steps or tokens, and of seconds. */
const COUNTS = Array.from(
  { length: 30 },
  (_, i) => ([1, 2, 5][i % 3] ?? 1) * 10 ** Math.floor(i / 3),
);
const SECONDS = [1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((m) => 60 * m)].concat(
  [1, 2, 4, 8, 12, 24, 48, 96].map((hours) => 3600 * hours),
);

/**
 * uPlot's options for lines on paper: horizontal hair lines, no legend (the page has its own), a thin cursor.
 *
 * @param style of the element that holds the chart, whose custom properties give the colours
 * @param onPoint told the x under the pointer, or null
 */
export function chartOptions(
  lines: readonly ChartLine[],
  look: ChartLook,
  width: number,
  style: CSSStyleDeclaration,
  onPoint: (x: number | null) => void,
): uPlot.Options {
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: color('--quiet'),
    font: FONT,
    ticks: { show: false },
    border: { show: false },
  };
  const vertical: uPlot.Scale = { range: (_, min, max) => verticalRange(min, max, look) };
  return {
    width,
    height: look.height,
    padding: [8, 16, look.small ? 4 : 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: (_, min, max) => horizontalRange(min, max, look.least.x) },
      y: Object.assign(vertical, look.logarithmic ? LOGARITHMIC : {}),
    },
    axes: [
      {
        ...axis,
        show: !look.small,
        size: 28,
        gap: 6,
        grid: { show: false },
        incrs: look.formatX === 'duration' ? SECONDS : COUNTS,
        values: (_, ticks) =>
          ticks.map((tick) => (look.formatX === 'duration' ? clock(tick) : short(tick))),
      },
      {
        ...axis,
        size: 44,
        gap: 4,
        grid: { stroke: color('--rule'), width: 1 },
        values: (_, ticks) => ticks.map((tick) => short(tick)),
        ...(look.small
          ? { splits: (_: uPlot, __: number, min: number, max: number) => [min, max] }
          : {}),
      },
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => ({
        label: line.name,
        stroke: color(line.color),
        width: line.width ?? 1.5,
        spanGaps: true,
        points: line.points
          ? {
              show: standApart,
              size: 6,
              fill: color('--paper'),
              stroke: color(line.color),
              width: 1.5,
            }
          : { show: line.curve.x.length === 1 },
        ...(line.dash ? { dash: line.dash } : {}),
      })),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx;
          onPoint(index === null || index === undefined ? null : (plot.data[0][index] ?? null));
        },
      ],
    },
  };
}

/** Whether a curve's points are far enough from each other to be marked. */
function standApart(plot: uPlot, series: number): boolean {
  const values: (number | null | undefined)[] = [...(plot.data[series] ?? [])];
  return 10 * values.filter((value) => typeof value === 'number').length < plot.width;
}

function horizontalRange(min: number | null, max: number | null, least: number): [number, number] {
  if (min === null || max === null) return [0, least || 1];
  return [Math.min(0, min), Math.max(max, least, min + 1)];
}

/**
 * From where to where the vertical axis goes. Never so little that sums of its marks round to themselves: uPlot would count them for ever, and
 * a loss and its average may differ by the last bit alone.
 */
export function verticalRange(
  min: number | null,
  max: number | null,
  { least, logarithmic, small }: ChartLook,
): [number, number] {
  if (min === null || max === null) return logarithmic ? [least.y / 100, least.y] : [0, least.y];
  if (small) return min < max ? [min, max] : [Math.min(0, min), max || least.y];
  if (logarithmic) return [min / 1.1, max * 1.1];
  const size = Math.max(Math.abs(min), Math.abs(max)) || least.y;
  const margin = Math.max((max - min) * 0.06, size * LEAST_MARGIN);
  return [min >= 0 ? Math.max(0, min - margin) : min - margin, max + margin];
}

/** A tick's value in few characters. */
function short(value: number | null): string {
  if (value === null) return '';
  const size = Math.abs(value);
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  if (size !== 0 && size < 1e-2) return smallText(Number(value.toPrecision(2)));
  return String(Number(value.toPrecision(3)));
}

/** Seconds as `0:40`, `12:00`, `1:20:00`. */
function clock(seconds: number): string {
  const parts = [Math.floor(seconds / 60) % 60, Math.round(seconds) % 60].map((part) =>
    String(part).padStart(2, '0'),
  );
  const hours = Math.floor(seconds / 3600);
  return hours > 0 ? [hours, ...parts].join(':') : parts.join(':').replace(/^0(?=\d)/, '');
}
