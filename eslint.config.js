import tseslint from 'typescript-eslint'

// The laws that need types or syntax. Import direction and cycles are dependency-cruiser's (.dependency-cruiser.js);
// sizes and names are checked in test/laws/files.ts.
export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.bench/', 'src/console/web/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error', noInlineConfig: false } },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'] }] }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false, fixStyle: 'separate-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      '@typescript-eslint/only-throw-error': 'error',
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
