import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { explain } from '../../config/explain.ts'
import { isLoaded, loadConfig } from '../../config/load.ts'
import { pathText, type Problem } from '../../config/problem.ts'
import { readYaml, type Written } from '../../config/read.ts'
import { schema as settingsSchema, settle, type Settings } from '../../config/schema.ts'
import type { Question } from '../../contract/policy.ts'
import type { SettledTools } from '../../policy/tools/settings.ts'
import { BadPolicies, configuredRulebook, namedRulebook, type Rulebook, type Verdict } from '../../policing.ts'
import { questionKeys, questionOf, text, texts } from './question.ts'

const expectation = z.strictObject({
  verdict: z.enum(['allow', 'hold', 'deny']),
  policies: texts.optional(),
  message: text.optional(),
  approvers: text.optional(),
  shadow: texts.optional(),
})

const caseSchema = z.strictObject({ name: text, ...questionKeys, approved: texts.optional(), expect: expectation })

const fileSchema = z.strictObject({
  about: z.string().max(10_000).optional(),
  policies: z.array(text).min(1).max(32).optional(),
  settings: z.strictObject({ tools: settingsSchema.shape.tools, policy: settingsSchema.shape.policy }).optional(),
  config: text.optional(),
  cases: z.array(caseSchema).min(1).max(10_000),
})

const questionFile = z.strictObject({ name: text.optional(), ...questionKeys })
const transcriptFile = z.strictObject({ about: z.string().max(10_000).optional(), questions: z.array(z.strictObject({ name: text.optional(), ...questionKeys, then: z.enum(['allow', 'hold', 'deny']).optional() })).min(1).max(10_000) })

export type Expectation = z.infer<typeof expectation>

export interface Case {
  readonly name: string
  readonly line: number
  readonly question: Question
  /** Holds that a reviewer is taken to have released. */
  readonly approved: readonly string[]
  readonly expect: Expectation
}

export interface CaseFile {
  readonly file: string
  readonly book: Rulebook
  readonly cases: readonly Case[]
}

/** A file that is not what it should be: every problem with file, line and key. */
export class BadFile extends Error {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems[0]?.message)
    this.problems = problems
  }
}

type Env = Readonly<Record<string, string | undefined>>

/** Reads one file of cases with the policies that it is about. @throws {BadFile} */
export async function readCases(file: string, env: Env): Promise<CaseFile> {
  const { value, written } = await readStrictly(file, fileSchema)
  const wrong = (path: readonly PropertyKey[], message: string): BadFile => new BadFile([problem(file, written, path, message)])
  const { book, tools } = await rulebookOf(value, file, env, wrong)
  const problems: Problem[] = []
  const known = new Set(book.policy.policies.map((one) => one.id))
  const names = new Set<string>()
  const cases = value.cases.map((one, index): Case => {
    const say = (path: readonly PropertyKey[], message: string, hint?: string): void => void problems.push({ ...problem(file, written, ['cases', index, ...path], message), ...(hint !== undefined && { hint }) })
    if (names.has(one.name)) say(['name'], `"${one.name}" is the name of another case.`)
    names.add(one.name)
    // An id that no policy has would make a case that fails for a reason that nobody sees.
    for (const key of ['policies', 'shadow'] as const) {
      for (const [at, id] of (one.expect[key] ?? []).entries()) if (!known.has(id)) say(['expect', key, at], `no policy here has the id "${id}".`)
    }
    return { name: one.name, line: written.place(['cases', index], 'value').line, question: questionOf(one, book.policy.schema, tools, say), approved: one.approved ?? [], expect: one.expect }
  })
  if (problems.length > 0) throw new BadFile(problems)
  return { file, book, cases }
}

async function rulebookOf(value: z.infer<typeof fileSchema>, file: string, env: Env, wrong: (path: readonly PropertyKey[], message: string) => BadFile): Promise<{ readonly book: Rulebook; readonly tools: SettledTools }> {
  const base = dirname(resolve(file))
  try {
    if (value.config !== undefined) {
      if (value.policies !== undefined || value.settings !== undefined) throw wrong(['config'], 'names policies and settings already: leave out policies and settings, or this.')
      const loaded = loadConfig(resolve(base, value.config), env)
      if (!isLoaded(loaded)) throw new BadFile(loaded)
      return { book: await configuredRulebook(loaded), tools: loaded.tools }
    }
    if (value.policies === undefined) throw wrong([], 'which policies? Name them under policies (folders, .cedar files, starter:NAME or shipped), or a settings file under config.')
    const { policy, tools } = settled(value.settings ?? {}, wrong)
    return { book: await namedRulebook(value.policies, base, policy.extras, env), tools }
  } catch (error) {
    if (error instanceof BadPolicies) throw new BadFile(error.problems)
    throw error
  }
}

/** `tools` and `policy` as the settings file has them, without its other keys. */
function settled(written: NonNullable<z.infer<typeof fileSchema>['settings']>, wrong: (path: readonly PropertyKey[], message: string) => BadFile): Settings {
  if (written.policy?.folders !== undefined) throw wrong(['settings', 'policy', 'folders'], 'policies are named under policies.')
  try {
    return settle(written)
  } catch (error) {
    if (error instanceof Error && 'path' in error) throw wrong(['settings', ...(error.path as (string | number)[])], `${error.message}.`)
    throw error
  }
}

/** One question that a person wrote down. @throws {BadFile} */
export async function readQuestion(file: string, book: Rulebook, tools: SettledTools): Promise<{ readonly name?: string; readonly question: Question }> {
  const { value, written } = await readStrictly(file, questionFile)
  const problems: Problem[] = []
  const question = questionOf(value, book.policy.schema, tools, (path, message, hint) => void problems.push({ ...problem(file, written, path, message), ...(hint !== undefined && { hint }) }))
  if (problems.length > 0) throw new BadFile(problems)
  return { ...(value.name !== undefined && { name: value.name }), question }
}

/** Questions that were written down, with what policy is taken to have said; absent = ask the first policies. @throws {BadFile} */
export async function readTranscript(file: string, book: Rulebook, tools: SettledTools): Promise<readonly { readonly id: string; readonly question: Question; readonly then?: Verdict }[]> {
  const { value, written } = await readStrictly(file, transcriptFile)
  const problems: Problem[] = []
  const questions = value.questions.map((one, index) => {
    const say = (path: readonly PropertyKey[], message: string, hint?: string): void => void problems.push({ ...problem(file, written, ['questions', index, ...path], message), ...(hint !== undefined && { hint }) })
    return { id: one.name ?? `${file}:${written.place(['questions', index], 'value').line}`, question: questionOf(one, book.policy.schema, tools, say), ...(one.then !== undefined && { then: one.then }) }
  })
  if (problems.length > 0) throw new BadFile(problems)
  return questions
}

async function readStrictly<T extends z.ZodType>(file: string, shape: T): Promise<{ readonly value: z.infer<T>; readonly written: Written }> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new BadFile([{ file, line: 0, column: 0, path: '', message: code === 'ENOENT' ? 'there is no such file.' : `cannot be read (${code ?? String(error)}).` }])
  }
  const written = readYaml(bytes, file)
  if (!('value' in written)) throw new BadFile(written)
  const parsed = shape.safeParse(written.value)
  if (!parsed.success) throw new BadFile(explain(parsed.error.issues, shape, written, file).map((one) => ({ ...one, message: one.message.replace('is not a setting here', 'is no key here') })))
  return { value: parsed.data, written }
}

function problem(file: string, written: Written, path: readonly PropertyKey[], message: string): Problem {
  return { file, ...written.place(path, 'value'), path: pathText(path), message }
}
