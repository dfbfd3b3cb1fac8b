import type { Candidate } from '../../../contract/exchange.ts'
import type { Leaf, Proposal, ReplyEvent } from '../../../contract/reply.ts'
import { isObject, type Tree, type TreeObject } from '../../../formats/tree.ts'
import type { Dialect, FrameView, StreamFrame } from '../dialect.ts'
import { replaceLeaf } from '../leaves.ts'
import { correctedFrame, type Drops } from './drop.ts'

/** A reply event as the gateway's own renderer sees it: with the frame or the tree, in the dialect of its target. */
export interface LlmEvent extends ReplyEvent {
  readonly dialect: Dialect
  readonly candidate: Candidate
  /** One frame of a stream. */
  readonly frame?: StreamFrame
  /** A complete reply; its event is the only one. */
  readonly tree?: TreeObject
}

type Kind = ReplyEvent['kind']

/**
 * One frame of an upstream's stream as an event. `view.kind` must not be `fault`; `drops` is the stream's own. `shown`
 * is what guards see of the view: less than all of it once calls were dropped.
 */
export function frameEvent(dialect: Dialect, candidate: Candidate, frame: StreamFrame, view: FrameView, drops: Drops, shown: FrameView = view): LlmEvent {
  return {
    kind: view.kind as Kind,
    leaves: shown.leaves,
    closes: shown.closes,
    opensCall: shown.opensCall,
    proposals: shown.proposals,
    dialect,
    candidate,
    // What was dropped before this frame is rendered may change its numbering and its stop reason.
    get frame() {
      return drops.channels.size === 0 ? frame : correctedFrame(dialect, frame, view, drops)
    },
    rewrite(texts) {
      const data = rewritten(frame.data, shown.leaves, texts)
      if (data === frame.data) return this
      return frameEvent(dialect, candidate, { ...frame, data: scrubbed(dialect, data) }, view, drops, { ...shown, leaves: retold(shown.leaves, texts) })
    },
    drop(channels) {
      for (const channel of channels) drops.channels.add(channel)
      return frameEvent(dialect, candidate, frame, view, drops, without(shown, channels))
    },
  }
}

/** A complete reply as one event. */
export function treeEvent(dialect: Dialect, candidate: Candidate, tree: TreeObject, view: FrameView): LlmEvent {
  return {
    kind: 'end',
    leaves: view.leaves,
    closes: view.closes,
    opensCall: view.opensCall,
    proposals: view.proposals,
    dialect,
    candidate,
    tree,
    rewrite(texts) {
      const made = rewritten(tree, view.leaves, texts)
      return made === tree || !isObject(made) ? this : treeEvent(dialect, candidate, scrubbed(dialect, made) as TreeObject, { ...view, leaves: retold(view.leaves, texts) })
    },
    drop(channels) {
      const made = dialect.dropCalls(tree, channels)
      return treeEvent(dialect, candidate, made, dialect.viewReply(made))
    },
  }
}

function rewritten(data: Tree | undefined, leaves: FrameView['leaves'], texts: readonly string[]): Tree {
  if (texts.length !== leaves.length) throw new RangeError(`${texts.length} texts for ${leaves.length} leaves`)
  let made = data ?? null
  leaves.forEach((leaf, index) => {
    const text = texts[index] as string
    if (text !== leaf.text) made = replaceLeaf(made, leaf.path, text)
  })
  return made
}

/** Token probabilities would spell out what an edit just took away. */
function scrubbed(dialect: Dialect, data: Tree): Tree {
  return dialect.scrub !== undefined && isObject(data) ? dialect.scrub(data) : data
}

function retold(leaves: FrameView['leaves'], texts: readonly string[]): FrameView['leaves'] {
  return leaves.map((leaf, index) => ({ ...leaf, text: texts[index] as string }))
}

function without(view: FrameView, channels: ReadonlySet<string>): FrameView {
  return {
    ...view,
    leaves: view.leaves.filter((leaf: Leaf) => !channels.has(leaf.channel)),
    closes: view.closes.filter((channel) => !channels.has(channel)),
    proposals: view.proposals.filter((one: Proposal) => !channels.has(one.channel)),
  }
}
