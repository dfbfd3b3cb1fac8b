import { at, isObject, withAt, type Tree } from '../../../formats/tree.ts'
import type { Dialect, FrameView, StreamFrame } from '../dialect.ts'

/** What was taken out of one stream so far. Shared by its events: a late frame depends on what went before it. */
export interface Drops {
  /** Channels of dropped calls. */
  readonly channels: Set<string>
  /** Channels of all calls that were proposed. */
  readonly calls: Set<string>
}

export function newDrops(): Drops {
  return { channels: new Set(), calls: new Set() }
}

/** The frame without the dropped calls, and with the stop reason that fits what is left. */
export function correctedFrame(dialect: Dialect, frame: StreamFrame, view: FrameView, drops: Drops): StreamFrame {
  const { data } = frame
  if (!isObject(data)) return frame
  const kept = dialect.dropCalls(data, dialect.id === 'gemini.generate' ? inThisFrame(view, drops) : drops.channels)
  const made = stopped(dialect, kept, drops)
  return made === data ? frame : { ...frame, data: made }
}

/** Gemini's calls have no numbers: its channels count over the whole stream, and one frame alone from nought. */
function inThisFrame(view: FrameView, drops: Drops): ReadonlySet<string> {
  const local = new Set<string>()
  const counts = new Map<string, number>()
  for (const { channel, origin } of view.leaves) {
    const cut = channel.indexOf('/tool/')
    if (origin !== 'tool_call' || cut < 0) continue
    const choice = channel.slice(0, cut)
    const number = counts.get(choice) ?? 0
    counts.set(choice, number + 1)
    if (drops.channels.has(channel)) local.add(`${choice}/tool/${number}`)
  }
  return local
}

function stopped(dialect: Dialect, data: Tree, drops: Drops): Tree {
  if (dialect.id === 'anthropic.messages') {
    const path = ['delta', 'stop_reason']
    return at(data, path) === 'tool_use' && noneLeft(0, drops) ? withAt(data, path, 'end_turn') : data
  }
  if (dialect.id !== 'openai.chat') return data
  const choices = at(data, ['choices'])
  if (!Array.isArray(choices)) return data
  let made = data
  choices.forEach((choice, place) => {
    const index = at(choice, ['index'])
    if (at(choice, ['finish_reason']) === 'tool_calls' && noneLeft(typeof index === 'number' ? index : place, drops)) {
      made = withAt(made, ['choices', place, 'finish_reason'], 'stop')
    }
  })
  return made
}

function noneLeft(choice: number, drops: Drops): boolean {
  for (const call of drops.calls) if (call.startsWith(`${choice}/`) && !drops.channels.has(call)) return false
  return true
}
