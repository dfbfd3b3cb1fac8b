import { at, isObject, numberOf, object, stringOf, type TreeObject } from '../../../../formats/tree.ts'
import type { Usage } from '../../../../contract/exchange.ts'
import type { Proposal } from '../../../../contract/reply.ts'
import type { FrameView, StreamFrame, UpstreamFault } from '../../dialect.ts'
import { errorFault } from '../errors.ts'
import { NOTHING, otherLeaves, tokenLeaves, type PathedLeaf } from '../leaf.ts'
import { usageOf } from '../usage.ts'
import { argsOf, callId, isCall, itemLeaves, origins, partLeaves, responseLeaves, runs, type Run } from './leaves.ts'

const PREAMBLE: FrameView = { kind: 'preamble', ...NOTHING }

/** A complete reply: every leaf is whole, and all calls are proposed. */
export function viewReply(tree: TreeObject): FrameView {
  const fault = failureOf(tree)
  if (fault !== undefined) return { kind: 'fault', ...NOTHING, ...factsOf(tree), fault }
  const leaves: PathedLeaf[] = []
  const proposals: Proposal[] = []
  responseLeaves(tree, '', [], (leaf) => leaves.push(leaf), proposals)
  return { kind: 'end', leaves, closes: channelsOf(leaves), opensCall: proposals.length > 0, proposals, ...factsOf(tree) }
}

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

  const runEvent = (data: TreeObject, { run, field, done }: Run): FrameView => {
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
    const run = runs.get(type)
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
