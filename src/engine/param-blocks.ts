/** The `params` uniforms of a plan in one buffer. */

import type { Param, Plan } from './plan';

/** Where a dispatch's parameters lie, in bytes. */
export interface ParamPlace {
  readonly offset: number;
  readonly size: number;
}

/** The parameter blocks of a plan, one after another; equal blocks are stored once. */
export interface ParamLayout {
  readonly words: Uint32Array<ArrayBuffer>;
  /** One place a dispatch, in the plan's order. */
  readonly places: readonly ParamPlace[];
}

/** @param alignment the device's `minUniformBufferOffsetAlignment`, in bytes. */
export function layoutParams(plan: Plan, alignment: number): ParamLayout {
  const words: number[] = [];
  const known = new Map<string, ParamPlace>();
  const places: ParamPlace[] = [];
  for (const command of plan.commands) {
    if (command.kind !== 'dispatch') continue;
    const block = command.params.map(wordOf);
    const key = block.join();
    let place = known.get(key);
    if (!place) {
      // A uniform struct's size is a multiple of 16 bytes.
      place = { offset: words.length * 4, size: Math.ceil(block.length / 4) * 16 };
      known.set(key, place);
      words.push(...block);
      while ((words.length * 4) % alignment !== 0) words.push(0);
    }
    places.push(place);
  }
  return { words: new Uint32Array(words), places };
}

const scratch = new DataView(new ArrayBuffer(4));

function wordOf({ type, value }: Param): number {
  if (type === 'f32') scratch.setFloat32(0, value);
  else if (type === 'i32') scratch.setInt32(0, value);
  else scratch.setUint32(0, value);
  return scratch.getUint32(0);
}
