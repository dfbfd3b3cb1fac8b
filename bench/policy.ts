import type { Question } from '../src/contract/policy.ts'
import { askTogether, type Ask } from '../src/policy/ask.ts'
import { loadPolicy, type Policy } from '../src/policy/load.ts'
import { readPolicies, type ReadPolicy } from '../src/policy/read.ts'
import { makeSchema, type Extras } from '../src/policy/schema.ts'

/**
 * Decisions per second and latency at 10, 100 and 1,000 policies, beside plain Cedar: the same policies, all of them
 * evaluated for each question, as an embedder does that prepares them once.
 */

const extras: Extras = { parameters: { 'tool.propose': { amount: 'Long', to: 'String' } } }
const TEAMS = 20

/** A mix as companies have it: tools by role, models by tenant, environments kept apart, holds on amounts, a few in shadow. */
function policiesOf(count: number): string {
  return Array.from({ length: count }, (_, index) => {
    const id = `@id("p${index}")`
    const team = `team-${index % TEAMS}`
    switch (index % 10) {
      case 0:
        return `${id} permit (principal in Tenant::"t${index % 7}", action == Action::"llm.generate", resource is Model) when { resource.model == "m${index % 30}" };`
      case 1:
        return `${id} @verdict("hold") @approvers("leads") forbid (principal, action == Action::"tool.propose", resource is Tool) when { resource.id == "tool-${index + 3}" && context.parameters has amount && context.parameters.amount > 100 };`
      case 2:
        return `${id} forbid (principal, action in [Action::"tool.propose", Action::"mcp.call"], resource is Tool) when { principal.roles.contains("${team}") && resource has environment && resource.environment == "env-${index % 40}" };`
      case 3:
        return `${id} @mode("shadow") forbid (principal, action, resource) when { principal.tenant == "t${index}" && context.labels.untrusted && context.effects.contains("external_write") };`
      case 4:
      case 5:
        return `${id} permit (principal, action == Action::"tool.propose", resource == Tool::"tool-${index}") when { principal.roles.contains("${team}") };`
      default:
        return `${id} permit (principal in Role::"${team}", action in [Action::"tool.propose", Action::"mcp.call"], resource is Tool) when { resource.id == "tool-${index}" };`
    }
  }).join('\n')
}

/** Half of the policies wait under the same condition, and it holds: nothing can leave them out. */
function crowded(count: number): string {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0
      ? `@id("p${index}") forbid (principal in Role::"team-0", action == Action::"tool.propose", resource is Tool) when { context.score + ${index} > 100000 };`
      : `@id("p${index}") permit (principal in Role::"team-1", action == Action::"tool.propose", resource == Tool::"tool-${index}");`,
  ).join('\n')
}

function questionsOf(count: number, policies: number, crowd = false): readonly Question[] {
  return Array.from({ length: count }, (_, index) => {
    // Nine of ten ask for a tool that somebody may use, one for a tool that nobody knows.
    const known = Math.floor((index * 7) % (policies / 10)) * 10 + 4 + (index % 6)
    const tool = crowd ? 1 : index % 10 === 9 ? policies + index : known
    return {
      principal: {
        tenant: `t${index % 7}`, workload: `spiffe://sallyport.internal/agent-${index % 50}`, chain: [], roles: crowd ? ['team-0', 'team-1'] : [`team-${tool % TEAMS}`, 'staff'],
        proof: { kind: 'mtls', id: 'x' }, scope: { rights: [] },
      },
      action: 'tool.propose',
      resource: { type: 'Tool', id: `tool-${tool}`, attributes: { environment: `env-${index % 40}` } },
      context: {
        gateway: 'llm', route: 'default', stream: false, direction: 'inbound', role: 'primary', effects: index % 3 === 0 ? ['read'] : ['external_write'], findings: [], score: crowd ? index % 100 : 0, anomaly: 0, endorsed: [],
        labels: { untrusted: index % 2 === 0, sensitivity: 0 }, parameters: { amount: index % 4 === 0 ? 500 : 5 }, time: { hour: 12, weekday: 3, unix: 1_800_000_000 },
      },
    }
  })
}

interface Timed {
  readonly p50: number
  readonly p99: number
  readonly perSecond: number
}

/** Microseconds a question, each timed on its own; the first round warms up. */
function time(questions: readonly Question[], decide: (question: Question) => unknown, rounds: number): Timed {
  for (const question of questions) decide(question)
  const times: number[] = []
  let sum = 0
  for (let round = 0; round < rounds; round++) {
    for (const question of questions) {
      const began = performance.now()
      decide(question)
      const took = performance.now() - began
      times.push(took * 1000)
      sum += took
    }
  }
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] as number
  return { p50: at(0.5), p99: at(0.99), perSecond: (times.length / sum) * 1000 }
}

function load(text: string): Policy {
  const policy = loadPolicy([{ name: 'bench.cedar', text }], extras)
  if (!('authorize' in policy)) throw new Error(JSON.stringify(policy.slice(0, 3)))
  return policy
}

/** What an embedder of Cedar writes: enforced, holds and shadow each prepared whole, and each asked. */
function plain(text: string): (question: Question) => unknown {
  const schema = makeSchema(extras)
  const policies = readPolicies([{ name: 'bench.cedar', text }], schema)
  if ('problems' in policies) throw new Error(JSON.stringify(policies.problems.slice(0, 3)))
  const sets = (['enforced', 'holds', 'shadow'] as const)
    .map((name) => policies.filter((one: ReadPolicy) => one.set === name))
    .filter((members) => members.length > 0)
    .map((members): Ask => askTogether('tool.propose', 'Tool', members, schema))
  return (question) => {
    const [enforced, ...rest] = sets.map((ask, index) => (index === 0 ? ask(question) : undefined))
    return enforced?.permitted === true ? rest.map((_, index) => sets[index + 1]?.(question)) : enforced
  }
}

export function bench(args: readonly string[]): void {
  const quick = args.includes('--quick')
  const rows: Record<string, Record<string, number>> = {}
  const row = (name: string, { p50, p99, perSecond }: Timed): void => {
    rows[name] = { 'p50, µs': Number(p50.toFixed(1)), 'p99, µs': Number(p99.toFixed(1)), 'decisions/s': Math.round(perSecond) }
  }
  for (const count of quick ? [10, 1000] : [10, 100, 1000]) {
    const text = policiesOf(count)
    const questions = questionsOf(quick ? 200 : 500, count)
    const began = performance.now()
    const policy = load(text)
    const loading = performance.now() - began
    const verdicts = Object.groupBy(questions, (question) => policy.release(question, []).verdict)
    console.log(`${count} policies: ${Object.entries(verdicts).map(([verdict, of]) => `${of.length} ${verdict}`).join(', ')}`)
    row(`${count} policies, cached`, time(questions, policy.authorize, quick ? 5 : 40))
    row(`${count} policies, not cached`, time(questions, (question) => policy.release(question, []), quick ? 2 : 8))
    row(`${count} policies, plain Cedar`, time(questions, plain(text), quick ? 1 : 2))
    // Other texts, because equal ones are parsed once in a process.
    const fresh = load(text.replaceAll('@id(', '@description("again") @id('))
    const first = questions.map((question) => {
      const at = performance.now()
      fresh.release(question, [])
      return (performance.now() - at) * 1000
    }).sort((a, b) => a - b)
    row(`${count} policies, each question for the first time`, { p50: first[first.length >> 1] as number, p99: first[Math.floor(first.length * 0.99)] as number, perSecond: (first.length * 1_000_000) / first.reduce((sum, one) => sum + one, 0) })
    rows[`${count} policies, loading (ms)`] = { 'p50, µs': Math.round(loading) }
  }
  const worst = crowded(1000)
  const policy = load(worst)
  const questions = questionsOf(100, 1000, true)
  row('500 of 1000 policies share their condition, not cached', time(questions, (question) => policy.release(question, []), quick ? 1 : 3))
  row('500 of 1000 policies share their condition, plain Cedar', time(questions, plain(worst), quick ? 1 : 3))
  console.table(rows)
  if (args.includes('--json')) console.log(JSON.stringify(rows))
}
