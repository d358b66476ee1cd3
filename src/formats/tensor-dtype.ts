/** Element types of safetensors files that take whole bytes, with their size in bytes. */
export const DTYPE_BYTES = {
  F64: 8,
  I64: 8,
  U64: 8,
  C64: 8,
  F32: 4,
  I32: 4,
  U32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  U16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

export type SafetensorsDtype = keyof typeof DTYPE_BYTES;

/** The element types that dense model weights may have. */
export type DenseDtype = 'F32' | 'F16' | 'BF16';

export function isSafetensorsDtype(name: string): name is SafetensorsDtype {
  return Object.hasOwn(DTYPE_BYTES, name);
}

export function isDenseDtype(dtype: string): dtype is DenseDtype {
  return dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}
