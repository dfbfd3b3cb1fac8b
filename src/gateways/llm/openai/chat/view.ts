import { isObject, numberOf, stringOf, type Tree, type TreeObject } from '../../../../formats/tree.ts'
import type { Usage } from '../../../../contract/exchange.ts'
import type { Proposal } from '../../../../contract/reply.ts'
import type { FrameView, StreamFrame } from '../../dialect.ts'
import { leafText } from '../../leaves.ts'
import { errorFault } from '../errors.ts'
import { NOTHING, otherLeaves, tokenLeaves, type AddLeaf, type PathedLeaf } from '../leaf.ts'
import { usageOf } from '../usage.ts'

/** Reply fields that say nothing a guard could judge. */
const PLAIN = new Set([
  'id', 'object', 'created', 'model', 'choices', 'usage', 'service_tier', 'system_fingerprint', 'error', 'prompt_filter_results', 'x_groq', 'provider',
  'obfuscation', 'moderation',
])
const PLAIN_CHOICE = new Set(['index', 'finish_reason', 'native_finish_reason', 'stop_reason', 'message', 'delta', 'logprobs', 'content_filter_results', 'content_filter_offsets', 'token_ids'])

/** A complete reply: every leaf is whole, and all calls are proposed. */
export function viewReply(tree: TreeObject): FrameView {
  if (isFault(tree)) return fault(tree)
  const leaves: PathedLeaf[] = []
  const proposals: Proposal[] = []
  const add: AddLeaf = (leaf) => leaves.push({ ...leaf, whole: true })
  eachChoice(tree, (choice, index, path) => {
    const message = choice.get('message')
    if (!isObject(message)) return
    const calls = messageLeaves(message, index, [...path, 'message'], add)
    choiceLeaves(choice, message, index, path, true, add)
    for (const { channel, call } of calls) {
      proposals.push({ channel, id: stringOf(call.get('id')) ?? '', name: nameOf(call) })
    }
  })
  topLeaves(tree, add)
  return { kind: 'end', leaves, closes: channelsOf(leaves), opensCall: proposals.length > 0, proposals, ...factsOf(tree) }
}

interface Choice {
  readonly channels: Set<string>
  readonly calls: Map<string, { id: string; name: string }>
  finished: boolean
}

/**
 * Views of a stream. A call is complete when its choice finishes: compatible servers interleave the arguments of
 * parallel calls, so that the start of the next call proves nothing about the last one.
 */
export function viewer(): (frame: StreamFrame) => FrameView {
  const choices = new Map<number, Choice>()

  const finish = (choice: Choice, closes: string[], proposals: Proposal[]): void => {
    closes.push(...choice.channels)
    for (const [channel, call] of choice.calls) proposals.push({ channel, ...call })
    choice.channels.clear()
    choice.calls.clear()
    choice.finished = true
  }

  return ({ data }) => {
    const closes: string[] = []
    const proposals: Proposal[] = []
    if (data === undefined) {
      for (const choice of choices.values()) finish(choice, closes, proposals)
      return { kind: 'end', leaves: [], closes, opensCall: false, proposals }
    }
    if (!isObject(data)) return { kind: 'preamble', ...NOTHING }
    if (isFault(data)) return fault(data)
    const leaves: PathedLeaf[] = []
    let opensCall = false
    let substance = false
    eachChoice(data, (wire, index, path) => {
      let choice = choices.get(index)
      if (choice === undefined) choices.set(index, (choice = { channels: new Set(), calls: new Map(), finished: false }))
      const { channels, calls } = choice
      const add: AddLeaf = (leaf) => {
        leaves.push(leaf)
        if (leaf.whole) closes.push(leaf.channel)
        else channels.add(leaf.channel)
      }
      const delta = wire.get('delta')
      if (isObject(delta)) {
        for (const { channel, call } of messageLeaves(delta, index, [...path, 'delta'], add)) {
          const known = calls.get(channel)
          const id = stringOf(call.get('id'))
          if (known === undefined) {
            calls.set(channel, { id: id ?? '', name: nameOf(call) })
            channels.add(channel)
            opensCall = true
          } else {
            if (id !== undefined && known.id === '') known.id = id
            // Names come whole almost everywhere; a server that sends them in pieces must not have half a name judged.
            known.name += nameOf(call) === known.name ? '' : nameOf(call)
          }
        }
        if (isObject(delta.get('audio'))) substance = true
      }
      choiceLeaves(wire, isObject(delta) ? delta : new Map(), index, path, false, add)
      if (typeof wire.get('finish_reason') === 'string') {
        finish(choice, closes, proposals)
        substance = true
      }
    })
    topLeaves(data, (leaf) => {
      leaves.push(leaf)
      closes.push(leaf.channel)
    })
    const ended = choices.size > 0 && [...choices.values()].every((choice) => choice.finished)
    const kind = ended ? 'end' : substance || opensCall || leaves.length > 0 || proposals.length > 0 ? 'content' : 'preamble'
    return { kind, leaves, closes: closes.length > 1 ? [...new Set(closes)] : closes, opensCall, proposals, ...factsOf(data) }
  }
}

function isFault(tree: TreeObject): boolean {
  const error = tree.get('error')
  return error !== undefined && error !== null
}

function fault(tree: TreeObject): FrameView {
  return { kind: 'fault', ...NOTHING, ...factsOf(tree), fault: errorFault(200, tree, '') }
}

function factsOf(tree: TreeObject): { readonly usage?: Usage; readonly model?: string } {
  const usage = usageOf(tree.get('usage')) ?? groqUsage(tree.get('x_groq'))
  const model = stringOf(tree.get('model'))
  return { ...(usage === undefined ? {} : { usage }), ...(model === undefined || model === '' ? {} : { model }) }
}

/** Groq puts the usage of a stream here when nobody asked for it. */
function groqUsage(extra: Tree | undefined): Usage | undefined {
  return isObject(extra) ? usageOf(extra.get('usage')) : undefined
}

export function eachChoice(tree: TreeObject, visit: (choice: TreeObject, index: number, path: readonly (string | number)[]) => void): void {
  const choices = tree.get('choices')
  if (!Array.isArray(choices)) return
  choices.forEach((choice, place) => {
    if (isObject(choice)) visit(choice, numberOf(choice.get('index')) ?? place, ['choices', place])
  })
}

interface Called {
  readonly channel: string
  readonly call: TreeObject
}

/** Leaves of a message or delta; gives back the calls that stand in it. */
function messageLeaves(message: TreeObject, index: number, path: readonly (string | number)[], add: AddLeaf): readonly Called[] {
  let calls: Called[] | undefined
  const run = (value: Tree, channel: string, origin: PathedLeaf['origin'], field: string): void => {
    if (typeof value === 'string') {
      if (value !== '') add({ channel: `${index}/${channel}`, origin, text: value, whole: false, path: [...path, field] })
    } else if (value !== null) otherLeaves(value, `${index}/${channel}/parts`, origin, [...path, field], add)
  }
  for (const [field, value] of message) {
    switch (field) {
      case 'role':
        break
      case 'content':
        run(value, 'text', 'assistant', field)
        break
      case 'refusal':
        run(value, 'refusal', 'assistant', field)
        break
      case 'reasoning_content':
      case 'reasoning':
        // Some servers send both, with the same words; as one run they would not read as what was said.
        run(value, field === 'reasoning' && message.has('reasoning_content') ? 'reasoning/again' : 'reasoning', 'reasoning', field)
        break
      case 'reasoning_details':
        detailLeaves(value, index, [...path, field], add)
        break
      case 'tool_calls':
        if (Array.isArray(value)) {
          value.forEach((call, place) => {
            if (isObject(call)) (calls ??= []).push(callLeaves(call, index, place, [...path, field, place], add))
          })
        }
        break
      case 'function_call':
        if (isObject(value)) {
          const called = { channel: `${index}/tool/0`, call: new Map([['function', value]]) as TreeObject }
          const args = value.get('arguments')
          if (typeof args === 'string' && args !== '') add({ channel: called.channel, origin: 'tool_call', text: args, whole: false, path: [...path, field, 'arguments'] })
          calls = [...(calls ?? []), called]
        }
        break
      case 'audio':
        if (isObject(value)) {
          const transcript = value.get('transcript')
          if (typeof transcript === 'string' && transcript !== '') {
            add({ channel: `${index}/audio`, origin: 'assistant', text: transcript, whole: false, path: [...path, field, 'transcript'] })
          }
        }
        break
      case 'annotations':
        if (value !== null) otherLeaves(value, `${index}/citation`, 'document', [...path, field], add)
        break
      default:
        if (value !== null) otherLeaves(value, `${index}/other`, 'assistant', [...path, field], add)
    }
  }
  return calls ?? NO_CALLS
}

const NO_CALLS: readonly Called[] = []

function detailLeaves(details: Tree, index: number, path: readonly (string | number)[], add: AddLeaf): void {
  if (!Array.isArray(details)) return
  details.forEach((detail, place) => {
    if (!isObject(detail)) return
    for (const field of ['text', 'summary']) {
      const text = detail.get(field)
      if (typeof text === 'string' && text !== '') add({ channel: `${index}/reasoning/details`, origin: 'reasoning', text, whole: false, path: [...path, place, field] })
    }
  })
}

function callLeaves(call: TreeObject, index: number, place: number, path: readonly (string | number)[], add: AddLeaf): Called {
  const channel = callChannel(call, index, place)
  const custom = call.get('custom')
  const [field, inner] = isObject(custom) ? ['custom', 'input'] : ['function', 'arguments']
  const target = call.get(field)
  const args = isObject(target) ? target.get(inner) : undefined
  // Some servers send the arguments as an object: its JSON text is the leaf, as in the dialects that always do so.
  const text = leafText(args === null ? undefined : args)
  if (text !== '') add({ channel, origin: 'tool_call', text, whole: false, path: [...path, field, inner] })
  return { channel, call }
}

export function callChannel(call: TreeObject, index: number, place: number): string {
  return `${index}/tool/${numberOf(call.get('index')) ?? place}`
}

function nameOf(call: TreeObject): string {
  const target = call.get('function') ?? call.get('custom')
  return isObject(target) ? (stringOf(target.get('name')) ?? '') : ''
}

function choiceLeaves(choice: TreeObject, message: TreeObject, index: number, path: readonly (string | number)[], whole: boolean, add: AddLeaf): void {
  const logprobs = choice.get('logprobs')
  if (isObject(logprobs)) {
    tokenLeaves(logprobs.get('content'), stringOf(message.get('content')) ?? '', `${index}/logprobs`, [...path, 'logprobs', 'content'], whole, add)
    tokenLeaves(logprobs.get('refusal'), stringOf(message.get('refusal')) ?? '', `${index}/logprobs/refusal`, [...path, 'logprobs', 'refusal'], whole, add)
  }
  for (const [field, value] of choice) {
    if (!PLAIN_CHOICE.has(field) && value !== null) otherLeaves(value, `${index}/other`, 'assistant', [...path, field], add)
  }
}

function topLeaves(tree: TreeObject, add: AddLeaf): void {
  for (const [field, value] of tree) {
    if (!PLAIN.has(field) && value !== null) otherLeaves(value, `other/${field}`, 'document', [field], add)
  }
}

function channelsOf(leaves: readonly PathedLeaf[]): string[] {
  return [...new Set(leaves.map((leaf) => leaf.channel))]
}
