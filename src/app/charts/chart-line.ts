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
  /** Marks the points, for a curve that has few. */
  points?: boolean;
}
