import { isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Usage } from '../../../contract/exchange.ts'
import type { Leaf, Proposal } from '../../../contract/reply.ts'
import type { FrameView, StreamFrame } from '../dialect.ts'
import { eachString, leafText } from '../leaves.ts'
import { blockedPrompt, errorFault } from './errors.ts'
import { BROKEN, usageOf } from './usage.ts'

type PathedLeaf = Leaf & { readonly path: readonly (string | number)[] }

/** Opaque bytes, and words that carry no content. */
const QUIET = new Set(['data', 'thoughtSignature', 'mimeType', 'id', 'language', 'outcome', 'toolType', 'level', 'category', 'probability', 'googleMapsWidgetContextToken', 'continuationToken'])

const NOTHING: Pick<FrameView, 'leaves' | 'closes' | 'opensCall' | 'proposals'> = { leaves: [], closes: [], opensCall: false, proposals: [] }

/** Ids for calls that came without one: stable for a response, and unlike those of another. */
export function callId(responseId: string, candidate: number, number: number): string {
  return `call_${responseId.replace(/[^A-Za-z0-9_-]/g, '_')}_${candidate}_${number}`
}

/** One response object after another: Google streams whole small responses. A reply that is complete is a stream of one. */
export function viewer(whole = false): (frame: StreamFrame) => FrameView {
  const calls = new Map<number, number>()
  const channels = new Map<number, Set<string>>()
  const finished = new Set<number>()
  let usage: Usage | undefined

  return (frame) => {
    const data = frame.data
    if (!isObject(data)) return { kind: 'preamble', ...NOTHING }
    if (data.has('error')) return { kind: 'fault', ...NOTHING, fault: errorFault(200, data, '') }
    const fault = blockedPrompt(data)
    if (fault !== undefined) return { kind: 'fault', ...NOTHING, fault }

    const leaves: PathedLeaf[] = []
    const closes: string[] = []
    const proposals: Proposal[] = []
    let broken: string | undefined
    const candidates = data.get('candidates')
    const responseId = stringOf(data.get('responseId')) ?? ''
    const list = Array.isArray(candidates) ? candidates : []
    list.forEach((candidate, place) => {
      if (!isObject(candidate)) return
      const index = numberOf(candidate.get('index')) ?? 0
      const open = channels.get(index) ?? new Set<string>()
      channels.set(index, open)
      const add = (leaf: PathedLeaf): void => {
        leaves.push(leaf)
        if (leaf.whole) closes.push(leaf.channel)
        else open.add(leaf.channel)
      }
      const content = candidate.get('content')
      const parts = isObject(content) ? content.get('parts') : undefined
      if (Array.isArray(parts)) {
        parts.forEach((part, at) => {
          if (!isObject(part)) return
          const path = ['candidates', place, 'content', 'parts', at]
          const call = part.get('functionCall')
          if (isObject(call)) {
            const number = calls.get(index) ?? 0
            calls.set(index, number + 1)
            const channel = `${index}/tool/${number}`
            add({ channel, origin: 'tool_call', text: leafText(call.get('args')), whole: true, path: [...path, 'functionCall', 'args'] })
            proposals.push({ channel, id: stringOf(call.get('id')) ?? callId(responseId, index, number), name: stringOf(call.get('name')) ?? '' })
          }
          partLeaves(part, index, path, whole, add)
        })
      }
      for (const [name, value] of candidate) candidateLeaves(name, value, index, ['candidates', place, name], add)
      const reason = stringOf(candidate.get('finishReason'))
      if (reason !== undefined) {
        finished.add(index)
        closes.push(...open)
        open.clear()
        if (BROKEN.has(reason)) broken = `${reason}${stringOf(candidate.get('finishMessage')) === undefined ? '' : `: ${String(candidate.get('finishMessage'))}`}`
      }
    })
    usage = usageOf(data.get('usageMetadata'), usage)
    const model = stringOf(data.get('modelVersion'))
    const facts = { ...(usage === undefined ? {} : { usage }), ...(model === undefined ? {} : { model }) }
    if (broken !== undefined) {
      return { kind: 'fault', ...NOTHING, ...facts, fault: { kind: 'server', status: 502, code: broken.split(':')[0] as string, message: `The model's answer is unusable: ${broken}` } }
    }
    const ended = finished.size > 0 && [...channels.keys()].every((index) => finished.has(index))
    const kind = ended || whole ? 'end' : leaves.length === 0 && !hasMedia(list) ? 'preamble' : 'content'
    return { kind, leaves, closes: [...new Set(closes)], opensCall: proposals.length > 0, proposals, ...facts }
  }
}

function hasMedia(candidates: readonly Tree[]): boolean {
  return candidates.some((candidate) => {
    const content = isObject(candidate) ? candidate.get('content') : undefined
    const parts = isObject(content) ? content.get('parts') : undefined
    return Array.isArray(parts) && parts.some((part) => isObject(part) && part.has('inlineData'))
  })
}

function partLeaves(part: TreeObject, index: number, path: readonly (string | number)[], whole: boolean, add: (leaf: PathedLeaf) => void): void {
  for (const [name, value] of part) {
    switch (name) {
      case 'text': {
        const thought = part.get('thought') === true
        if (typeof value === 'string' && value !== '') {
          add({ channel: `${index}/${thought ? 'reasoning' : 'text'}`, origin: thought ? 'reasoning' : 'assistant', text: value, whole, path: [...path, 'text'] })
        }
        break
      }
      case 'functionCall':
      case 'thoughtSignature':
        break
      case 'executableCode':
      case 'toolCall':
        strings(value, `${index}/code`, 'tool_call', [...path, name], add)
        break
      case 'codeExecutionResult':
      case 'toolResponse':
      case 'functionResponse':
        strings(value, `${index}/result`, 'tool_result', [...path, name], add)
        break
      default:
        strings(value, `${index}/other`, 'assistant', [...path, name], add)
    }
  }
}

function candidateLeaves(name: string, value: Tree, index: number, path: readonly (string | number)[], add: (leaf: PathedLeaf) => void): void {
  switch (name) {
    case 'content':
    case 'finishReason':
    case 'safetyRatings':
    // The chosen tokens once more, cut into pieces: the text itself is inspected, and pieces cannot be redacted apart.
    case 'logprobsResult':
      return
    case 'groundingMetadata':
    case 'citationMetadata':
    case 'urlContextMetadata':
      strings(value, `${index}/grounding`, 'document', path, add)
      return
    default:
      strings(value, `${index}/other`, 'assistant', path, add)
  }
}

function strings(value: Tree, channel: string, origin: Leaf['origin'], path: readonly (string | number)[], add: (leaf: PathedLeaf) => void): void {
  eachString(value, path, (text, where, key) => {
    if (text !== '' && !QUIET.has(key)) add({ channel, origin, text, whole: true, path: where })
  }, String(path.at(-1)))
}

/** The response without these calls; a candidate left without any call still says STOP, as Google does. */
export function dropCalls(tree: TreeObject, channels: ReadonlySet<string>): TreeObject {
  const candidates = tree.get('candidates')
  if (!Array.isArray(candidates)) return tree
  const made = new Map(tree)
  made.set('candidates', candidates.map((candidate) => (isObject(candidate) ? withoutCalls(candidate, channels) : candidate)))
  return made
}

function withoutCalls(candidate: TreeObject, channels: ReadonlySet<string>): TreeObject {
  const content = candidate.get('content')
  const parts = isObject(content) ? content.get('parts') : undefined
  if (!Array.isArray(parts) || !isObject(content)) return candidate
  const index = numberOf(candidate.get('index')) ?? 0
  let number = 0
  const kept = parts.filter((part) => !isObject(part) || !part.has('functionCall') || !channels.has(`${index}/tool/${number++}`))
  if (kept.length === parts.length) return candidate
  return new Map([...candidate, ['content', new Map([...content, ['parts', kept]])]])
}

/** Without token probabilities: they repeat the text in pieces, in which nothing could be edited. */
export function scrub(tree: TreeObject): TreeObject {
  const candidates = tree.get('candidates')
  if (!Array.isArray(candidates)) return tree
  const plain = (candidate: Tree): Tree => (isObject(candidate) ? new Map([...candidate].filter(([name]) => name !== 'logprobsResult' && name !== 'avgLogprobs')) : candidate)
  return new Map([...tree, ['candidates', candidates.map(plain)]])
}
