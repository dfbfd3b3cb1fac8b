import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { portable, sizesAndNames } from './laws/files.ts'
import { imports } from './laws/imports.ts'
import { lint } from './laws/lint.ts'
import type { Judgement, Law } from './laws/tool.ts'
import { types } from './laws/types.ts'

// A check that cannot fail checks nothing: each law is shown a small house that breaks it.

const repository = fileURLToPath(new URL('..', import.meta.url))
const sound = {
  'src/contract/noun.ts': 'export interface Noun {\n  readonly name: string\n}\n',
  'src/policy/decide.ts': "import type { Noun } from '../contract/noun.ts'\n\nexport const decide = (noun: Noun): string => noun.name\n",
}

/** A folder laid out like this repository, with these files in it and the same rules over it. */
async function judge(law: Law, files: Readonly<Record<string, string>>, house: Readonly<Record<string, string>> = sound): Promise<Judgement> {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-laws-'))
  try {
    for (const name of ['tsconfig.json', 'eslint.config.js', '.dependency-cruiser.js', 'package.json']) cpSync(join(repository, name), join(root, name))
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'), 'junction')
    for (const [name, text] of Object.entries({ ...house, ...files })) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), text)
    }
    return await law(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function broken(judgement: Judgement, where: RegExp, what: RegExp): void {
  const found = judgement.breaches.some((one) => where.test(one.where) && what.test(one.what))
  assert.ok(found, `expected a breach at ${where} saying ${what}, got ${JSON.stringify(judgement.breaches)}`)
}

test('a sound house breaks no law', async () => {
  for (const law of [types, lint, imports, sizesAndNames, portable]) assert.deepEqual((await judge(law, {})).breaches, [])
})

describe('types', () => {
  test('a wrong type is found', async () => {
    broken(await judge(types, { 'src/policy/wrong.ts': "export const n: number = 'one'\n" }), /wrong\.ts/, /TS2322/)
  })
  test('syntax that would need a build step is found', async () => {
    broken(await judge(types, { 'src/policy/built.ts': 'export enum Colour {\n  Red,\n}\n' }), /built\.ts/, /TS1294/)
  })
  test('an unreadable configuration does not pass for a clean house', async () => {
    assert.notDeepEqual((await judge(types, { 'tsconfig.json': '{ "include": ["nowhere"] }' })).breaches, [])
  })
})

describe('lint', () => {
  const planted: readonly (readonly [what: string, code: string, rule: RegExp])[] = [
    ['a floating promise', 'const later = async (): Promise<number> => 1\nexport function go(): void {\n  later()\n}\n', /no-floating-promises/],
    ['a misused promise', 'const later = async (): Promise<boolean> => true\nexport const go = (): number => {\n  if (later()) return 1\n  return 2\n}\n', /no-misused-promises/],
    ['any', 'export const open = (x: any): string => String(x)\n', /no-explicit-any/],
    ['a switch that forgets a case', "export function say(x: 'a' | 'b'): string {\n  switch (x) {\n    case 'a':\n      return 'A'\n  }\n  return ''\n}\n", /switch-exhaustiveness/],
    ['a type imported as a value', "import { Noun } from '../contract/noun.ts'\nexport const name = (noun: Noun): string => noun.name\n", /consistent-type-imports/],
    ['a default export', 'export default 1\n', /no-restricted-syntax/],
    ['export *', "export * from '../contract/noun.ts'\n", /no-restricted-syntax/],
    ['a socket outside the edge', "import { connect } from 'node:net'\nexport const c = connect\n", /no-restricted-imports/],
    ['a re-export', "export type { Noun } from '../contract/noun.ts'\n", /no-restricted-syntax/],
  ]
  for (const [what, code, rule] of planted) {
    test(`${what} is found`, async () => broken(await judge(lint, { 'src/policy/planted.ts': code }), /planted\.ts/, rule))
  }
  test('a run that looked at nothing does not pass', async () => {
    assert.notDeepEqual((await judge(lint, {}, {})).breaches, [])
  })
})

describe('imports', () => {
  const value = 'export const x = 1\n'
  const planted: readonly (readonly [what: string, files: Readonly<Record<string, string>>, from: RegExp, rule: RegExp])[] = [
    ['contract importing a capability', { 'src/contract/a.ts': "import { decide } from '../policy/decide.ts'\nexport const b = decide\n" }, /contract\/a/, /^contract:/],
    ['formats importing contract', { 'src/formats/a.ts': "import type { Noun } from '../contract/noun.ts'\nexport type A = Noun\n" }, /formats\/a/, /^formats:/],
    ['a capability importing another, types only', { 'src/audit/a.ts': "import type { decide } from '../policy/decide.ts'\nexport type D = typeof decide\n" }, /audit\/a/, /^audit:/],
    ['a capability importing the store itself', { 'src/store/embedded/a.ts': value, 'src/budgets/a.ts': "import { x } from '../store/embedded/a.ts'\nexport const y = x\n" }, /budgets\/a/, /^budgets:/],
    ['a gateway importing a gateway', { 'src/gateways/mcp/a.ts': value, 'src/gateways/llm/openai/a.ts': "import { x } from '../../mcp/a.ts'\nexport const y = x\n" }, /llm\/openai\/a/, /^gateways:/],
    ['edge importing a gateway', { 'src/gateways/mcp/a.ts': value, 'src/edge/a.ts': "import { x } from '../gateways/mcp/a.ts'\nexport const y = x\n" }, /edge\/a/, /^edge:/],
    ['the spine importing a step', { 'src/spine.ts': "import { decide } from './policy/decide.ts'\nexport const b = decide\n" }, /spine/, /^spine:/],
    ['config importing more than settings', { 'src/config/a.ts': "import { decide } from '../policy/decide.ts'\nexport const b = decide\n" }, /config\/a/, /^config:/],
    ['somebody importing cli', { 'src/cli/a.ts': value, 'src/console/a.ts': "import { x } from '../cli/a.ts'\nexport const y = x\n" }, /console\/a/, /^nobody-imports-cli:/],
    ['somebody importing main', { 'src/main.ts': value, 'src/console/a.ts': "import { x } from '../main.ts'\nexport const y = x\n" }, /console\/a/, /^nobody-imports-main:/],
    ['a cycle', { 'src/policy/a.ts': "import { b } from './b.ts'\nexport const a = (): number => b()\n", 'src/policy/b.ts': "import { a } from './a.ts'\nexport const b = (): number => a()\n" }, /policy\/[ab]/, /^no-cycles:/],
    ['TLS outside the edge', { 'src/policy/a.ts': "import { connect } from 'node:tls'\nexport const c = connect\n" }, /policy\/a/, /^network-only-at-the-edge:/],
    ['an HTTP client outside the edge', { 'src/policy/a.ts': "import { request } from 'undici'\nexport const c = request\n" }, /policy\/a/, /^network-only-at-the-edge:/],
    ['an import of nothing', { 'src/policy/a.ts': "import { x } from './gone.ts'\nexport const y = x\n" }, /policy\/a/, /^unresolved:/],
    ['code importing a test', { 'src/policy/a.test.ts': value, 'src/policy/a.ts': "import { x } from './a.test.ts'\nexport const y = x\n" }, /policy\/a\.ts/, /^nobody-imports-tests:/],
  ]
  for (const [what, files, from, rule] of planted) {
    test(`${what} is found`, async () => broken(await judge(imports, files), from, rule))
  }
  test('what is allowed stays allowed', async () => {
    const files = {
      'src/store/interfaces.ts': value,
      'src/policy/settings.ts': value,
      'src/audit/a.ts': "import { x } from '../store/interfaces.ts'\nexport const y = x\n",
      'src/config/a.ts': "import { x } from '../policy/settings.ts'\nexport const y = x\n",
      'src/gateways/llm/openai/a.ts': value,
      'src/gateways/llm/b.ts': "import { x } from './openai/a.ts'\nexport const y = x\n",
    }
    assert.deepEqual((await judge(imports, files)).breaches, [])
  })
  test('a run that saw nothing does not pass', async () => {
    broken(await judge(imports, { 'src/readme.md': '', 'test/a.ts': value }, {}), /dependency-cruiser/, /saw no module/)
  })
})

describe('sizes and names', () => {
  test('a file over 600 lines is found, one over 300 is mentioned', async () => {
    const { breaches, notices } = await judge(sizesAndNames, { 'src/policy/vast.ts': '//\n'.repeat(601), 'src/policy/long.ts': '//\n'.repeat(301) })
    assert.deepEqual(breaches.map((one) => one.where), ['src/policy/vast.ts'])
    assert.deepEqual(notices?.map((one) => one.split(':')[0]), ['src/policy/long.ts'])
  })
  for (const name of ['src/utils/a.ts', 'src/policy/helpers.ts', 'src/policy/key-manager.ts', 'src/common/a.ts', 'src/policy/service.ts']) {
    test(`${name} is found`, async () => broken(await judge(sizesAndNames, { [name]: '' }), new RegExp(name), /says nothing/))
  }
})

describe('portable', () => {
  for (const path of ['work', 'root', 'home/ann', 'Users/ann']) {
    test(`a path below /${path} is found`, async () => broken(await judge(portable, { 'docs/a.md': `one\nsee /${path}/main\n` }), /docs\/a\.md:2/, /one machine/))
  }
  test('a package registry is found', async () => {
    broken(await judge(portable, { 'package-lock.json': `{ "x": "https://registry.${'npmjs'}.org/x" }` }), /package-lock\.json:1/, /registry/)
  })
})
