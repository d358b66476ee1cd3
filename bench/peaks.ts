/** f32 peaks of GPUs in GFLOPS, tensor cores aside, from their makers' data sheets, by a part of the adapter's name. */
const PEAKS: readonly (readonly [name: string, gflops: number])[] = [
  ['H100 PCIe', 51_200],
  ['H100', 66_900],
  ['H200', 66_900],
  ['A100', 19_500],
  ['L40S', 91_600],
  ['RTX 4090', 82_600],
  ['RTX 3090', 35_600],
  ['Tesla T4', 8_100],
];

/** The f32 peak of an adapter in GFLOPS, where it is known. */
export function knownPeak(adapter: string): number | undefined {
  return PEAKS.find(([name]) => adapter.includes(name))?.[1];
}
