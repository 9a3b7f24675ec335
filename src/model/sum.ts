/** The sum of an array of numbers, from the first to the last: a loop, as `reduce` of a typed array calls for each member. */
export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
