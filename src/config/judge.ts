import type { LlmSettings, RouteSettings } from '../gateways/llm/settings.ts'
import type { JudgeSettings } from '../guardrails/judge/settings.ts'
import type { GuardSettings } from '../guardrails/settings.ts'

/** What is wrong with the judge in the light of everything else, and at which key; undefined = nothing. */
export function judgeProblem(judge: JudgeSettings | undefined, llm: LlmSettings, guardrails: GuardSettings): { readonly path: readonly string[]; readonly problem: string } | undefined {
  if (judge === undefined) {
    const asks = guardrails.entries.find(({ use, mode }) => mode !== 'off' && guardrails.made?.some(({ id, needs }) => id === use && needs === 'judge'))
    return asks === undefined ? undefined : { path: ['guardrails'], problem: `"${asks.use}" needs a judge: add judge.route, the name of a route that judges.` }
  }
  const route = llm.routes.find(({ name }) => name === judge.route)
  if (route === undefined) return { path: ['judge', 'route'], problem: `there is no route "${judge.route}".` }
  if (route.targets.some(({ model }) => model === undefined)) return { path: ['judge', 'route'], problem: `a target of route "${judge.route}" serves whatever model is asked for; a judge needs a model by name.` }
  return undefined
}

const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/claude/i, 'Claude'], [/gemini|gemma/i, 'Gemini'], [/\bgpt|^o\d|chatgpt|davinci/i, 'GPT'], [/llama/i, 'Llama'], [/mi[sx]tral|ministral|codestral|magistral|devstral/i, 'Mistral'],
  [/qwen|qwq/i, 'Qwen'], [/deepseek/i, 'DeepSeek'], [/grok/i, 'Grok'], [/command|aya/i, 'Command'], [/\bphi/i, 'Phi'], [/nova/i, 'Nova'], [/kimi|moonshot/i, 'Kimi'], [/glm/i, 'GLM'],
]

/** The family of a model by its name; a name that tells none is a family of its own. */
export function familyOf(model: string): string {
  return FAMILIES.find(([pattern]) => pattern.test(model))?.[1] ?? model
}

function familiesOf({ targets }: RouteSettings, { providers }: LlmSettings): readonly string[] {
  return targets.flatMap(({ provider, model }) => (model === undefined ? (providers.find(({ name }) => name === provider)?.models ?? []) : [model])).map(familyOf)
}

/** What about the judge deserves a word although it works. */
export function judgeWarnings(judge: JudgeSettings | undefined, llm: LlmSettings, guardrails: GuardSettings): readonly string[] {
  const own = llm.routes.find(({ name }) => name === judge?.route)
  if (judge === undefined || own === undefined) return []
  const warnings: string[] = []
  const judges = new Set(familiesOf(own, llm))
  for (const route of llm.routes) {
    const same = route === own ? undefined : familiesOf(route, llm).find((family) => judges.has(family))
    if (same !== undefined) warnings.push(`judge.route "${own.name}" and route "${route.name}" are both of the family ${same}: a judge overlooks what its own kind says`)
  }
  if (llm.routes.length === 1) warnings.push(`judge.route "${own.name}" is the only route: the model judges itself`)
  const capped = judge.share === 1 ? undefined : guardrails.entries.find(({ use, mode }) => mode === 'enforce' && guardrails.made?.some(({ id, needs }) => id === use && needs === 'judge'))
  if (capped !== undefined) warnings.push(`"${capped.use}" is enforced, and judge.share lets the judge see ${Math.round(judge.share * 100)} % of a principal's calls: the others are inconclusive`)
  return warnings
}
