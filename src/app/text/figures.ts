/** Figures as people say them. All with a point for decimals, whatever the browser's language, since the page is in English. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in two or three digits: `0 B`, `412 KiB`, `1.2 GiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? String(Math.round(value)) : shortened(value)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** A count, short: `412`, `9.4k`, `96k`, `1.2M`. */
export function countText(count: number): string {
  if (count < 1000) return String(Math.round(count));
  if (count < 999_500) return `${shortened(count / 1e3)}k`;
  if (count < 999_500_000) return `${shortened(count / 1e6)}M`;
  return `${shortened(count / 1e9)}B`;
}

/** A count with every digit: `96,412`. */
export function exactText(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 file`, `2 files`, `96k tokens`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** A duration, rounded as one would say it: `40 s`, `2 min`, `1 h 20 min`, `15 h`, `3 days`. */
export function durationText(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 600) {
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
    return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
  }
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** A loss in the three decimals that the status gives. */
export function lossText(loss: number): string {
  return Number.isFinite(loss) ? loss.toFixed(3) : 'not a number';
}

/** A small positive number such as a learning rate or a norm, in three significant digits: `2e-4`, `0.83`, `1.25e-5`. */
export function smallText(value: number): string {
  if (!Number.isFinite(value)) return 'not a number';
  if (value === 0) return '0';
  if (Math.abs(value) >= 0.01 && Math.abs(value) < 1000)
    return String(Number(value.toPrecision(3)));
  return Number(value.toPrecision(3)).toExponential().replace('e+', 'e');
}

/** Two digits where one stands before the point, else none after it. */
function shortened(value: number): string {
  return value < 9.95 ? String(Math.round(value * 10) / 10) : String(Math.round(value));
}
