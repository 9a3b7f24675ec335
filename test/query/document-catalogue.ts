/** The metrics that docs/QUERY_LANGUAGE.md speaks of. */
import type { Catalogue } from '../../src/query/catalogue.ts';

export function documentCatalogue(shop: Catalogue): Catalogue {
  return {
    ...shop,
    metrics: [
      ...shop.metrics,
      {
        name: 'syscall.ops',
        label: 'System calls',
        unit: 'calls',
        scope: 'interval',
        fields: [
          { name: 'execname', label: 'Program', type: 'string' },
          { name: 'latency', label: 'Latency', type: 'time' },
        ],
        cost: '',
      },
    ],
  };
}
