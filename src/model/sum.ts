/** Sums of arrays of numbers, from the first to the last: a loop, which `reduce` of a typed array takes ten times as long as. */
export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
