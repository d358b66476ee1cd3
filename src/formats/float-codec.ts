import type { DenseDtype } from './tensor-dtype';

/**
 * The numbers of a dense tensor's bytes as 32-bit floats, exactly. Like every host of WebGPU this assumes a little-endian machine.
 *
 * @param bytes a whole number of elements of `dtype`
 */
export function decodeFloats(bytes: Uint8Array, dtype: DenseDtype): Float32Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes).buffer;
  if (dtype === 'F32') return new Float32Array(copy);
  const halves = new Uint16Array(copy);
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i] ?? 0;
    if (dtype === 'BF16') bits[i] = half << 16;
    else values[i] = halfToNumber(half);
  }
  return values;
}

/** 32-bit floats as the bytes of a dense tensor, rounded to the nearest, ties to even; too large for F16 becomes infinite. */
export function encodeFloats(values: Float32Array, dtype: DenseDtype): Uint8Array<ArrayBuffer> {
  const copy = new Float32Array(values);
  if (dtype === 'F32') return new Uint8Array(copy.buffer);
  const bits = new Uint32Array(copy.buffer);
  const halves = new Uint16Array(bits.length);
  const encode = dtype === 'BF16' ? floatBitsToBfloat16 : floatBitsToHalf;
  for (let i = 0; i < bits.length; i++) halves[i] = encode(bits[i] ?? 0);
  return new Uint8Array(halves.buffer);
}

/** The index of the first number that is infinite or not a number; -1 where all are finite. */
export function firstNonFinite(values: Float32Array): number {
  return values.findIndex((value) => !Number.isFinite(value));
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function floatBitsToBfloat16(bits: number): number {
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function floatBitsToHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  const exponent = (magnitude >>> 23) - 127;
  if (exponent > 15) return sign | 0x7c00;
  // Normal halves keep 10 bits of the fraction; each exponent below -14 costs one more.
  const dropped = exponent >= -14 ? 13 : -1 - exponent;
  if (dropped > 24) return sign;
  const whole = exponent >= -14 ? magnitude - (112 << 23) : (magnitude & 0x7fffff) | 0x800000;
  const kept = whole >>> dropped;
  const rest = whole - kept * 2 ** dropped;
  const middle = 2 ** (dropped - 1);
  const roundsUp = rest > middle || (rest === middle && (kept & 1) === 1);
  return sign | (kept + (roundsUp ? 1 : 0));
}
