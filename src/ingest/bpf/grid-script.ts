/** The grids' arithmetic as bpftrace statements: from a value to its bucket, equal to model/grid.ts. */
import { type Grid, LINEAR_BUCKETS, VALUE_MAX } from '../../model/grid.ts';

/** Sets `$b` to the bucket of `value`, clamped as bucketIndex does. Variables are set before the first block: newer
 *  bpftrace scopes them by block. */
export function bucketStatements(grid: Grid, value: string): string[] {
  const clamped = [
    `$v = (int64)(${value});`,
    'if ($v < 0) { $v = 0; }',
    `if ($v > ${VALUE_MAX}) { $v = ${VALUE_MAX}; }`,
  ];
  switch (grid.kind) {
    case 'log-linear':
      return [...clamped, ...logLinear(grid.bits)];
    case 'linear':
      return [
        ...clamped,
        `$b = (uint64)$v / ${grid.width};`,
        `if ($b > ${LINEAR_BUCKETS - 1}) { $b = ${LINEAR_BUCKETS - 1}; }`,
      ];
    case 'count':
      return [];
  }
}

/** `$e` becomes floor(log2 v), by halving; then model/grid.ts's i = (e-4)*32 + (v >> (e-5)) - 32. */
function logLinear(bits: number): string[] {
  const halvings = [32, 16, 8, 4, 2, 1].map((by) => {
    const rest = by === 1 ? '' : ` $t = $t >> ${by};`;
    return `if ($t >= ${2 ** by}) { $e += ${by};${rest} }`;
  });
  return [
    '$t = (uint64)$v;',
    '$e = (uint64)0;',
    '$b = (uint64)$v;',
    ...halvings,
    `if ($e >= ${bits}) { $b = (($e - ${bits - 1}) << ${bits}) + (((uint64)$v >> ($e - ${bits})) & ${2 ** bits - 1}); }`,
  ];
}
