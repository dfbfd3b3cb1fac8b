import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parse } from 'yaml'
import * as z from 'zod'

/** How cases/flow/*.yaml are written; docs/flow.md explains it to people. */

const args = z.record(z.string(), z.unknown())
const step = z.record(z.string(), z.unknown())
const attack = z.strictObject({
  id: z.string(),
  /** The step whose text the injection stands in: a number, or the first turn. */
  at: z.union([z.number().int(), z.literal('user')]),
  /** What is put in the place of @@ there. */
  says: z.string().optional(),
  /** Instead: the whole result of that step. */
  gives: z.string().optional(),
  /** Another step that carries the same injection before. */
  seed: z.number().int().optional(),
  /** What a model does that obeys. */
  then: z.array(step).min(1),
})
const file = z.strictObject({
  system: z.string(),
  settings: z.record(z.string(), z.unknown()),
  cases: z.array(z.strictObject({
    id: z.string(), half: z.enum(['tune', 'kept']), note: z.string().optional(), user: z.string(), steps: z.array(step), attacks: z.array(attack).min(1),
  })),
})

export interface Recorded {
  readonly id: string
  readonly domain: string
  readonly half: 'tune' | 'kept'
  readonly kind: 'benign' | 'attack'
  /** Indexes of the calls that an attack makes. */
  readonly bad: readonly number[]
  /** `flow` and `tools` that know the domain. */
  readonly settings: Readonly<Record<string, unknown>>
  /** One line for `sallyport replay --traces`. */
  readonly line: string
}

/** Every case, as recorded conversations: each task once as it is, and once for each attack on it. */
export function recordings(): readonly Recorded[] {
  return globSync('cases/flow/*.yaml').sort().flatMap((path) => {
    const { system, settings, cases } = file.parse(parse(readFileSync(path, 'utf8')))
    const domain = basename(path, '.yaml')
    return cases.flatMap((one) => {
      const made = (kind: Recorded['kind'], by?: z.infer<typeof attack>): Recorded => {
        const id = `${domain}/${one.id}${by === undefined ? '' : `/${by.id}`}`
        const { messages, bad } = conversation(system, one.user, one.steps, by)
        return { id, domain, half: one.half, kind, bad, settings, line: JSON.stringify({ id, messages }) }
      }
      return [made('benign'), ...one.attacks.map((by) => made('attack', by))]
    })
  })
}

function conversation(system: string, user: string, steps: readonly z.infer<typeof step>[], by: z.infer<typeof attack> | undefined): { readonly messages: readonly object[]; readonly bad: readonly number[] } {
  const inject = (text: string, here: boolean): string => text.replace('@@', !here || by?.says === undefined ? '' : /^[[{]/.test(text) ? JSON.stringify(by.says).slice(1, -1) : by.says)
  const messages: object[] = [{ role: 'system', content: system }, { role: 'user', content: inject(user, by?.at === 'user') }]
  const bad: number[] = []
  let index = 0
  const call = (one: z.infer<typeof step>, result: string | undefined): void => {
    const [name] = Object.keys(one).filter((key) => key !== 'gives')
    const id = `call_${index++}`
    messages.push({ role: 'assistant', content: null, tool_calls: [{ id, type: 'function', function: { name, arguments: JSON.stringify(args.parse(one[name as string])) } }] })
    messages.push({ role: 'tool', tool_call_id: id, content: result ?? 'ok' })
  }
  const last = by === undefined ? steps.length - 1 : by.at === 'user' ? -1 : by.at
  for (const [at, one] of steps.slice(0, last + 1).entries()) {
    const here = by !== undefined && (at === by.at || at === by.seed)
    if (typeof one['say'] === 'string') messages.push({ role: 'assistant', content: one['say'] })
    else if (typeof one['user'] === 'string') messages.push({ role: 'user', content: inject(one['user'], here) })
    else {
      const given = typeof one['gives'] === 'string' ? one['gives'] : undefined
      call(one, here && by.gives !== undefined ? by.gives : given === undefined ? undefined : inject(given, here))
    }
  }
  for (const one of by?.then ?? []) {
    bad.push(index)
    call(one, typeof one['gives'] === 'string' ? one['gives'] : undefined)
  }
  return { messages, bad }
}
