// The import law (DESIGN §6) as rules: what each folder may import, and nothing else. Tests may import what they test
// with, but nothing may import a test.

const test = '\\.(test|fixture)\\.ts$|^src/store/contract/'
const deciding = ['identity', 'policy', 'guardrails', 'session', 'budgets', 'approvals', 'audit', 'telemetry']
const nouns = ['contract', 'formats']

/** Files of src that `from` may import: whole folders by name, files by path. */
const only = (name, from, folders, files = []) => ({
  name,
  severity: 'error',
  comment: `See the table in DESIGN §6: ${name} may import ${[...folders, ...files].join(', ') || 'nothing of ours'}.`,
  from: { path: from, pathNot: test },
  to: { path: '^src/', pathNot: [...folders.map((folder) => `^src/${folder}/`), ...files] },
})

export const allowed = [
  ...nouns.map((folder) => only(folder, `^src/${folder}/`, [folder])),
  ...deciding.map((folder) => only(folder, `^src/${folder}/`, [folder, ...nouns], ['^src/store/interfaces\\.ts$'])),
  only('edge', '^src/edge/', ['edge', ...nouns]),
  // $1 is the gateway's own folder: gateways never import each other.
  only('gateways', '^src/gateways/([^/]+)/', ['gateways/$1', ...nouns]),
  only('store', '^src/store/', ['store', ...nouns]),
  only('spine', '^src/spine\\.ts$', ['contract']),
  only('steps', '^src/steps/', ['steps', ...nouns], ['^src/spine\\.ts$']),
  only('config', '^src/config/', ['config', ...nouns], ['^src/.+/settings\\.ts$']),
  only('console', '^src/console/', ['console', ...nouns, 'audit', 'approvals', 'policy', 'config']),
]

/** @type {import('dependency-cruiser').IConfiguration} */
const configuration = {
  forbidden: [
    ...allowed,
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Two files that need each other are one file, or want a third.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nobody-imports-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: [test, '^src/cli/'] },
      to: { path: '^src/cli/' },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      comment: 'main builds the house; only the command `up` starts it.',
      from: { path: '^src/', pathNot: [test, '^src/cli/'] },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'nobody-imports-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: { path: test },
    },
    {
      name: 'network-only-at-the-edge',
      severity: 'error',
      comment: 'Whoever needs the network is handed a dial. Named exceptions: store/shared, telemetry/otlp, and client, which runs in programs of others. node:net is in eslint.config.js, because isIP is pure.',
      from: { path: '^src/', pathNot: [test, '^src/edge/', '^src/store/shared/', '^src/telemetry/otlp', '^src/client/'] },
      to: { path: '^(node:)?(tls|http|https|http2|dgram|dns|child_process|cluster)(/|$)|(^|/)undici(/|$)' },
    },
    {
      name: 'unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Types count too: a gateway that knows another gateway's types knows that gateway.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/console/web/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js'] },
    builtInModules: { add: ['node:sqlite', 'node:test'] },
  },
}

// dependency-cruiser reads the default export of its configuration.
export default configuration
