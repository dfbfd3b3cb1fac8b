import tseslint from 'typescript-eslint'

// The laws that need types or syntax. Import direction and cycles are dependency-cruiser's (.dependency-cruiser.js);
// sizes and names are checked in test/laws/files.ts.
export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.bench/', 'src/console/web/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: false } },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    plugins: { ts: tseslint.plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'ts/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'] }] }],
      'ts/no-misused-promises': 'error',
      'ts/await-thenable': 'error',
      'ts/no-explicit-any': 'error',
      'ts/no-unsafe-assignment': 'error',
      'ts/no-unsafe-call': 'error',
      'ts/no-unsafe-member-access': 'error',
      'ts/no-unsafe-return': 'error',
      'ts/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'ts/consistent-type-imports': ['error', { disallowTypeAnnotations: false, fixStyle: 'separate-type-imports' }],
      'ts/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      'ts/only-throw-error': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'No default exports: a name that the importer invents cannot be searched for.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels: import the file that you need.' },
        { selector: 'ExportNamedDeclaration[source]', message: 'No barrels: import the file that you need.' },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/edge/**', 'src/store/shared/**', 'src/telemetry/otlp*', '**/*.test.ts', '**/*.fixture.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'node:net', allowImportNames: ['isIP', 'isIPv4', 'isIPv6', 'BlockList', 'SocketAddress'], message: 'Sockets belong to the edge.' }, { name: 'net', message: 'Write node:net.' }] },
      ],
    },
  },
  {
    files: ['bin/**/*.js', '*.js'],
    rules: { 'no-undef': 'off', 'no-unused-vars': 'error', 'no-var': 'error', 'prefer-const': 'error', eqeqeq: 'error' },
  },
)
