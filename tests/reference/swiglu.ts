/** Plain f64 SwiGLU, the reference of `shaders/swiglu*.wesl`. */

import { at } from './numeric';

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export function swigluReference(gate: ArrayLike<number>, up: ArrayLike<number>): Float64Array {
  return Float64Array.from(gate, (x, i) => x * sigmoid(x) * at(up, i));
}

/** Gradients of sum(dOut · out) with respect to gate and up. */
export function swigluBackwardReference(
  gate: ArrayLike<number>,
  up: ArrayLike<number>,
  dOut: ArrayLike<number>,
): { dGate: Float64Array; dUp: Float64Array } {
  const dGate = Float64Array.from(gate, (x, i) => {
    const s = sigmoid(x);
    return at(dOut, i) * at(up, i) * s * (1 + x * (1 - s));
  });
  const dUp = Float64Array.from(gate, (x, i) => at(dOut, i) * x * sigmoid(x));
  return { dGate, dUp };
}
