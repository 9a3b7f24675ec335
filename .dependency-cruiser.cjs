/** The order of the house (docs/ARCHITECTURE.md): a folder imports only from folders above it,
 *  and each heavy package has one owner. */
const order = ['model', 'kernel', 'log', 'query', 'render', 'ingest', 'store', 'service', 'cli'];
const owners = {
  amqplib: 'log',
  chevrotain: 'query',
  '@napi-rs/canvas': 'render',
  'better-sqlite3': 'store',
  'lru-cache': 'store',
  fastify: 'service',
  'prom-client': 'service',
  '@uwdata/flechette': 'service',
  'mmdb-lib': 'service',
  'hyparquet-writer': 'service',
  'csv-parse': 'ingest',
  commander: 'cli',
};

const layer = (folder, index) => ({
  name: `${folder}-sees-only-what-is-above`,
  comment: `src/${folder} may import from: ${order.slice(0, index + 1).join(', ')}. Move the code up, or the need down.`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${order.slice(0, index + 1).join('|')})/` },
});
const owner = ([pkg, folder]) => ({
  name: `${pkg}-belongs-to-${folder}`,
  comment: `Only src/${folder} imports ${pkg}; ask it for what you need.`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/${folder}/` },
  to: { path: `node_modules/${pkg}/` },
});

module.exports = {
  forbidden: [
    ...order.map(layer),
    ...Object.entries(owners).map(owner),
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'src-stands-alone',
      comment: 'What ships does not import tests, benches or the demo.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|demo|web)/' },
    },
    {
      name: 'no-dev-package-in-src',
      severity: 'error',
      from: { path: '^(src|demo)/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|native/build)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
