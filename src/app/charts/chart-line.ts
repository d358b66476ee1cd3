import type { Curve } from './curves';

/** A curve and how it is drawn. */
export interface ChartLine {
  name: string;
  curve: Curve;
  /** Name of the custom property that holds its colour. */
  color: '--trained' | '--ink' | '--quiet' | '--edge' | '--rule';
  /** Lengths of strokes and gaps in pixels; none for a line without gaps. */
  dash?: number[];
  width?: number;
  /** What stands for the points that share a pixel: their extremes, unless the curve is smoothed anyway. */
  thinning?: 'mean';
  /** Marks the points while they stand apart. */
  points?: boolean;
}
