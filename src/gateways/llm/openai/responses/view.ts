import { at, isObject, numberOf, object, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Usage } from '../../../../contract/exchange.ts'
import type { Proposal } from '../../../../contract/reply.ts'
import type { FrameView, StreamFrame, UpstreamFault } from '../../dialect.ts'
import { errorFault } from '../errors.ts'
import { NOTHING, otherLeaves, tokenLeaves, without, type AddLeaf, type PathedLeaf } from '../leaf.ts'
import { usageOf } from '../usage.ts'

const PREAMBLE: FrameView = { kind: 'preamble', ...NOTHING }

/** What the caller itself said comes back in every response object; it was inspected on its way out. */
const ECHOED = new Set([
  'id', 'object', 'created_at', 'completed_at', 'status', 'model', 'usage', 'error', 'incomplete_details', 'instructions', 'tools', 'tool_choice', 'text', 'reasoning',
  'metadata', 'user', 'safety_identifier', 'prompt', 'prompt_cache_key', 'prompt_cache_retention', 'prompt_cache_options', 'previous_response_id', 'conversation',
  'service_tier', 'truncation', 'output', 'output_text', 'billing', 'moderation', 'access_programs', 'image', 'tool_usage', 'prompt_cache_diagnostics',
])

const isCall = (type: Tree | undefined): boolean => type === 'function_call' || type === 'custom_tool_call'

/** A complete reply: every leaf is whole, and all calls are proposed. */
export function viewReply(tree: TreeObject): FrameView {
  const fault = failureOf(tree)
  if (fault !== undefined) return { kind: 'fault', ...NOTHING, ...factsOf(tree), fault }
  const leaves: PathedLeaf[] = []
  const proposals: Proposal[] = []
  responseLeaves(tree, '', [], (leaf) => leaves.push(leaf), proposals)
  return { kind: 'end', leaves, closes: channelsOf(leaves), opensCall: proposals.length > 0, proposals, ...factsOf(tree) }
}

/** Fields of events that hold text: how the event continues or repeats a run. */
const runs: Readonly<Record<string, { readonly run: 'text' | 'refusal' | 'reasoning' | 'summary' | 'tool'; readonly field: string; readonly done?: true }>> = {
  'response.output_text.delta': { run: 'text', field: 'delta' },
  'response.output_text.done': { run: 'text', field: 'text', done: true },
  'response.refusal.delta': { run: 'refusal', field: 'delta' },
  'response.refusal.done': { run: 'refusal', field: 'refusal', done: true },
  'response.reasoning_text.delta': { run: 'reasoning', field: 'delta' },
  'response.reasoning_text.done': { run: 'reasoning', field: 'text', done: true },
  'response.reasoning_summary_text.delta': { run: 'summary', field: 'delta' },
  'response.reasoning_summary_text.done': { run: 'summary', field: 'text', done: true },
  'response.function_call_arguments.delta': { run: 'tool', field: 'delta' },
  'response.function_call_arguments.done': { run: 'tool', field: 'arguments', done: true },
  'response.custom_tool_call_input.delta': { run: 'tool', field: 'delta' },
  'response.custom_tool_call_input.done': { run: 'tool', field: 'input', done: true },
}

const origins = { text: 'assistant', refusal: 'assistant', reasoning: 'reasoning', summary: 'reasoning', tool: 'tool_call' } as const

interface Call {
  readonly id: string
  name: string
  /** Arguments so far; undefined until something was said. */
  args: string | undefined
  proposed: boolean
}

/** Clients act on the recap, guards judged the run: a server that tells two different stories is not believed. */
const CONTRADICTION: FrameView = {
  kind: 'fault',
  ...NOTHING,
  fault: { kind: 'server', status: 502, code: 'contradiction', message: 'The stream repeats a tool call with other words.' },
}

function contradicts(call: Call, args: string | undefined, name: string | undefined): boolean {
  return (args !== undefined && call.args !== undefined && args !== call.args) || (name !== undefined && name !== call.name)
}

/**
 * Views of a stream. Each part is a run of its own (`0/text/<output>.<part>`, `0/tool/<output>`), closed by its `done`
 * event; what `done` events and the final response repeat are recaps: whole leaves in channels that end in `/recap`.
 */
export function viewer(): (frame: StreamFrame) => FrameView {
  const open = new Set<string>()
  const calls = new Map<string, Call>()

  const runEvent = (data: TreeObject, { run, field, done }: (typeof runs)[string]): FrameView => {
    const channel = run === 'tool' ? `0/tool/${indexOf(data, 'output_index')}` : `0/${run}/${indexOf(data, 'output_index')}.${indexOf(data, run === 'summary' ? 'summary_index' : 'content_index')}`
    const text = stringOf(data.get(field)) ?? ''
    const leaves: PathedLeaf[] = []
    const call = calls.get(channel)
    if (done !== true) {
      if (text !== '') leaves.push({ channel, origin: origins[run], text, whole: false, path: [field] })
      tokenLeaves(data.get('logprobs'), text, '0/logprobs', ['logprobs'], false, (leaf) => leaves.push(leaf))
      for (const leaf of leaves) open.add(leaf.channel)
      if (call !== undefined) call.args = (call.args ?? '') + text
      return { kind: leaves.length === 0 ? 'preamble' : 'content', ...NOTHING, leaves }
    }
    const closes = [channel]
    // Arguments that were never streamed stand in their `done` event only: there they are the run, not its recap.
    const recap = call?.args !== undefined || run !== 'tool'
    const name = stringOf(data.get('name'))
    if (call !== undefined && call.name === '') call.name = name ?? ''
    if (call !== undefined && contradicts(call, text, name)) return CONTRADICTION
    if (text !== '') leaves.push({ channel: recap ? `${channel}/recap` : channel, origin: origins[run], text, whole: recap, path: [field] })
    tokenLeaves(data.get('logprobs'), text, `${channel}/logprobs/recap`, ['logprobs'], true, (leaf) => leaves.push(leaf))
    for (const leaf of leaves) if (leaf.whole) closes.push(leaf.channel)
    open.delete(channel)
    if (call !== undefined) call.args = text
    return { kind: 'content', ...NOTHING, leaves, closes, proposals: propose(channel, call) }
  }

  const propose = (channel: string, call: Call | undefined): Proposal[] => {
    if (call === undefined || call.proposed) return []
    call.proposed = true
    return [{ channel, id: call.id, name: call.name }]
  }

  const itemEvent = (data: TreeObject, done: boolean): FrameView => {
    const item = data.get('item')
    if (!isObject(item)) return PREAMBLE
    const index = indexOf(data, 'output_index')
    const channel = `0/tool/${index}`
    const leaves: PathedLeaf[] = []
    const proposals: Proposal[] = []
    let opensCall = false
    const calling = isCall(item.get('type'))
    if (calling && !calls.has(channel)) {
      calls.set(channel, { id: callId(item), name: stringOf(item.get('name')) ?? '', args: undefined, proposed: false })
      open.add(channel)
      opensCall = true
    }
    const call = calling ? calls.get(channel) : undefined
    const args = calling ? argsOf(item) : undefined
    if (call !== undefined && call.name === '') call.name = stringOf(item.get('name')) ?? ''
    // While the item is only announced, its arguments are what comes first, if anything.
    if (call !== undefined && (done || call.args !== undefined) && contradicts(call, done ? args : undefined, stringOf(item.get('name')))) return CONTRADICTION
    itemLeaves(item, index, done ? '/recap' : '', ['item'], (leaf) => {
      const runs = call !== undefined && call.args === undefined && leaf.origin === 'tool_call'
      leaves.push(runs ? { ...leaf, channel, whole: false } : done ? leaf : { ...leaf, channel: `${leaf.channel}/added`, whole: true })
      if (runs && call !== undefined) call.args = leaf.text
    })
    const closes = leaves.filter((leaf) => leaf.whole).map((leaf) => leaf.channel)
    if (done && call !== undefined) {
      proposals.push(...propose(channel, call))
      open.delete(channel)
      closes.push(channel)
    }
    const bare = leaves.length === 0 && !opensCall && !done
    return bare ? PREAMBLE : { kind: 'content', leaves, closes: [...new Set(closes)], opensCall, proposals }
  }

  const partEvent = (data: TreeObject, done: boolean): FrameView => {
    const part = data.get('part')
    if (!isObject(part)) return PREAMBLE
    const leaves: PathedLeaf[] = []
    const place = `${indexOf(data, 'output_index')}.${indexOf(data, data.has('summary_index') ? 'summary_index' : 'content_index')}`
    partLeaves(part, place, done ? '/recap' : '/added', ['part'], (leaf) => leaves.push(leaf))
    return leaves.length === 0 ? PREAMBLE : { kind: 'content', ...NOTHING, leaves, closes: channelsOf(leaves) }
  }

  const responseEvent = (data: TreeObject): FrameView => {
    const response = data.get('response')
    const closes = [...open]
    open.clear()
    if (!isObject(response)) return { kind: 'end', ...NOTHING, closes }
    const fault = failureOf(response)
    if (fault !== undefined) return { kind: 'fault', ...NOTHING, ...factsOf(response), fault }
    const leaves: PathedLeaf[] = []
    const stated: Proposal[] = []
    responseLeaves(response, '/recap', ['response'], (leaf) => leaves.push(leaf), stated)
    const proposals: Proposal[] = []
    for (const one of stated) {
      const place = leaves.findIndex((leaf) => leaf.channel === `${one.channel}/recap`)
      const leaf = leaves[place]
      const known = calls.get(one.channel)
      if (known !== undefined && contradicts(known, leaf?.text ?? '', one.name)) return CONTRADICTION
      calls.set(one.channel, { id: one.id, name: one.name, args: leaf?.text ?? '', proposed: true })
      if (known?.proposed === true) continue
      proposals.push(one)
      // A call that only the final response shows: its arguments there are the run itself.
      if (leaf !== undefined && known?.args === undefined) leaves[place] = { ...leaf, channel: one.channel }
    }
    for (const [channel, call] of calls) proposals.push(...propose(channel, call))
    closes.push(...channelsOf(leaves))
    return { kind: 'end', leaves, closes: [...new Set(closes)], opensCall: proposals.length > 0, proposals, ...factsOf(response) }
  }

  return ({ event, data }) => {
    if (!isObject(data)) return data === undefined ? { kind: 'end', ...NOTHING } : PREAMBLE
    const type = stringOf(data.get('type')) ?? event ?? ''
    const run = runs[type]
    if (run !== undefined) return runEvent(data, run)
    switch (type) {
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued': {
        const model = stringOf(at(data, ['response', 'model']))
        return model === undefined ? PREAMBLE : { ...PREAMBLE, model }
      }
      case 'response.output_item.added':
        return itemEvent(data, false)
      case 'response.output_item.done':
        return itemEvent(data, true)
      case 'response.content_part.added':
      case 'response.reasoning_summary_part.added':
        return partEvent(data, false)
      case 'response.content_part.done':
      case 'response.reasoning_summary_part.done':
        return partEvent(data, true)
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
        return responseEvent(data)
      case 'error':
        return { kind: 'fault', ...NOTHING, fault: errorFault(200, data, '') }
      default: {
        if (isObject(data.get('error'))) return { kind: 'fault', ...NOTHING, fault: errorFault(200, data, '') }
        return otherEvent(data, type)
      }
    }
  }
}

/** Events of tools that the provider runs, and events that nobody here knows yet. */
function otherEvent(data: TreeObject, type: string): FrameView {
  const leaves: PathedLeaf[] = []
  const origin = type.includes('annotation') ? 'document' : type.includes('_call') ? 'tool_call' : 'assistant'
  for (const [field, value] of data) {
    if (field === 'type' || field === 'sequence_number' || value === null) continue
    otherLeaves(value, `0/other/${indexOf(data, 'output_index')}/${field}`, origin, [field], (leaf) => leaves.push(leaf))
  }
  return leaves.length === 0 ? PREAMBLE : { kind: 'content', ...NOTHING, leaves, closes: channelsOf(leaves) }
}

function indexOf(data: TreeObject, field: string): number {
  return numberOf(data.get(field)) ?? 0
}

function argsOf(item: TreeObject): string {
  return stringOf(item.get(item.get('type') === 'function_call' ? 'arguments' : 'input')) ?? ''
}

function callId(item: TreeObject): string {
  return stringOf(item.get('call_id')) ?? stringOf(item.get('id')) ?? ''
}

function channelsOf(leaves: readonly PathedLeaf[]): string[] {
  return [...new Set(leaves.map((leaf) => leaf.channel))]
}

function failureOf(response: TreeObject): UpstreamFault | undefined {
  const error = response.get('error')
  if (response.get('status') !== 'failed' && !isObject(error)) return undefined
  return errorFault(200, isObject(error) ? response : object({ error: object({ code: 'server_error', message: 'The response failed.' }) }), '')
}

function factsOf(response: TreeObject): { readonly usage?: Usage; readonly model?: string } {
  const usage = usageOf(response.get('usage'))
  const model = stringOf(response.get('model'))
  return { ...(usage === undefined ? {} : { usage }), ...(model === undefined ? {} : { model }) }
}

function responseLeaves(response: TreeObject, suffix: string, path: readonly (string | number)[], add: AddLeaf, proposals: Proposal[]): void {
  const output = response.get('output')
  if (Array.isArray(output)) {
    output.forEach((item, index) => {
      if (!isObject(item)) return
      itemLeaves(item, index, suffix, [...path, 'output', index], add)
      if (isCall(item.get('type'))) proposals.push({ channel: `0/tool/${index}`, id: callId(item), name: stringOf(item.get('name')) ?? '' })
    })
  }
  // Servers put the joined text here; the official SDKs make it themselves.
  const joined = response.get('output_text')
  if (typeof joined === 'string' && joined !== '') add({ channel: '0/text/all', origin: 'assistant', text: joined, whole: true, path: [...path, 'output_text'] })
  for (const [field, value] of response) {
    if (!ECHOED.has(field) && value !== null) otherLeaves(value, `other/${field}`, 'document', [...path, field], add)
  }
}

/** Leaves of one output item, all whole. */
function itemLeaves(item: TreeObject, index: number, suffix: string, path: readonly (string | number)[], add: AddLeaf): void {
  switch (item.get('type')) {
    case 'message':
      eachPart(item, 'content', (part, place) => partLeaves(part, `${index}.${place}`, suffix, [...path, 'content', place], add))
      return
    case 'reasoning':
      eachPart(item, 'summary', (part, place) => partLeaves(part, `${index}.${place}`, suffix, [...path, 'summary', place], add))
      eachPart(item, 'content', (part, place) => partLeaves(part, `${index}.${place}`, suffix, [...path, 'content', place], add))
      return
    case 'function_call':
    case 'custom_tool_call': {
      const field = item.get('type') === 'function_call' ? 'arguments' : 'input'
      const text = argsOf(item)
      if (text !== '') add({ channel: `0/tool/${index}${suffix}`, origin: 'tool_call', text, whole: true, path: [...path, field] })
      return
    }
    default: {
      // Items of tools that the provider ran: what was asked, and what came back.
      for (const [field, value] of item) {
        if (field === 'type' || field === 'id' || field === 'status' || value === null) continue
        const asked = field === 'arguments' || field === 'code' || field === 'action' || field === 'queries' || field === 'operation'
        // An image is no text.
        if (item.get('type') === 'image_generation_call' && field === 'result') continue
        otherLeaves(value, `0/other/${index}/${field}${suffix}`, asked ? 'tool_call' : 'tool_result', [...path, field], add)
      }
    }
  }
}

function eachPart(item: TreeObject, field: string, visit: (part: TreeObject, place: number) => void): void {
  const parts = item.get(field)
  if (Array.isArray(parts)) parts.forEach((part, place) => isObject(part) && visit(part, place))
}

function partLeaves(part: TreeObject, place: string, suffix: string, path: readonly (string | number)[], add: AddLeaf): void {
  const type = part.get('type')
  const run = type === 'refusal' ? 'refusal' : type === 'reasoning_text' ? 'reasoning' : type === 'summary_text' ? 'summary' : 'text'
  const field = type === 'refusal' ? 'refusal' : 'text'
  const text = stringOf(part.get(field)) ?? ''
  if (text !== '') add({ channel: `0/${run}/${place}${suffix}`, origin: origins[run], text, whole: true, path: [...path, field] })
  const annotations = part.get('annotations')
  if (Array.isArray(annotations) && annotations.length > 0) otherLeaves(annotations, `0/citation/${place}${suffix}`, 'document', [...path, 'annotations'], add)
  tokenLeaves(part.get('logprobs'), text, `0/logprobs/${place}${suffix}`, [...path, 'logprobs'], true, add)
  for (const [name, value] of part) {
    if (!PART.has(name) && value !== null) otherLeaves(value, `0/other/${place}/${name}${suffix}`, 'assistant', [...path, name], add)
  }
}

const PART = new Set(['type', 'text', 'refusal', 'annotations', 'logprobs'])

/** What stands in place of a call that was taken out of a stream: output items are numbered, and clients do not survive a gap. */
const REMOVED = '[A tool call was removed by policy.]'

/**
 * The reply without these calls. Also takes single stream events: there a removed call becomes a short message, and
 * events about its arguments become `keepalive`, which OpenAI sends too and clients ignore.
 */
export function dropCalls(tree: TreeObject, channels: ReadonlySet<string>): TreeObject {
  const output = tree.get('output')
  if (Array.isArray(output)) {
    const kept = output.filter((item, index) => !isDropped(item, index, channels))
    return kept.length === output.length ? tree : without(tree, 'output', kept)
  }
  const response = tree.get('response')
  if (isObject(response)) {
    const items = response.get('output')
    if (!Array.isArray(items) || !items.some((item, index) => isDropped(item, index, channels))) return tree
    const made = items.map((item, index) => (isDropped(item, index, channels) ? removed(item as TreeObject, true) : item))
    return without(tree, 'response', without(response, 'output', made))
  }
  const index = tree.get('output_index')
  if (typeof index !== 'number' || !channels.has(`0/tool/${index}`)) return tree
  const item = tree.get('item')
  if (isObject(item)) return isCall(item.get('type')) ? without(tree, 'item', removed(item, tree.get('type') === 'response.output_item.done')) : tree
  return runs[String(tree.get('type'))]?.run === 'tool' ? object({ type: 'keepalive', sequence_number: tree.get('sequence_number') }) : tree
}

function isDropped(item: Tree, index: number, channels: ReadonlySet<string>): boolean {
  return isObject(item) && isCall(item.get('type')) && channels.has(`0/tool/${index}`)
}

function removed(item: TreeObject, done: boolean): TreeObject {
  return object({
    id: item.get('id'),
    type: 'message',
    role: 'assistant',
    status: done ? 'completed' : 'in_progress',
    content: done ? [object({ type: 'output_text', text: REMOVED, annotations: [] })] : [],
  })
}

/** The reply or event without token probabilities, which would spell out what an edit took away. */
export function scrub(tree: TreeObject): TreeObject {
  let made = listed(tree.get('logprobs')) ? without(tree, 'logprobs', []) : tree
  for (const field of ['part', 'item', 'response'] as const) {
    const inner = made.get(field)
    if (!isObject(inner)) continue
    const clean = scrub(inner)
    if (clean !== inner) made = without(made, field, clean)
  }
  for (const field of ['output', 'content'] as const) {
    const list = made.get(field)
    if (!Array.isArray(list)) continue
    const clean = list.map((one) => (isObject(one) ? scrub(one) : one))
    if (clean.some((one, index) => one !== list[index])) made = without(made, field, clean)
  }
  return made
}

function listed(logprobs: Tree | undefined): boolean {
  return Array.isArray(logprobs) && logprobs.length > 0
}
