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

/** One frame of an upstream's stream as an event. `view.kind` must not be `fault`; `drops` is the stream's own. */
export function frameEvent(dialect: Dialect, candidate: Candidate, frame: StreamFrame, view: FrameView, drops: Drops): LlmEvent {
  return new FrameEvent(dialect, candidate, frame, view, drops, view)
}

/** A class for its prototype alone: accessors in object literals cost a hidden class each, for every frame. */
class FrameEvent implements LlmEvent {
  readonly kind: Kind
  readonly leaves: FrameView['leaves']
  readonly closes: readonly string[]
  readonly opensCall: boolean
  readonly proposals: readonly Proposal[]
  readonly dialect: Dialect
  readonly candidate: Candidate
  private readonly original: StreamFrame
  private readonly view: FrameView
  private readonly drops: Drops
  private readonly shown: FrameView

  /** `shown` is what guards see of the view: less than all of it once calls were dropped. */
  constructor(dialect: Dialect, candidate: Candidate, frame: StreamFrame, view: FrameView, drops: Drops, shown: FrameView) {
    this.kind = view.kind as Kind
    this.leaves = shown.leaves
    this.closes = shown.closes
    this.opensCall = shown.opensCall
    this.proposals = shown.proposals
    this.dialect = dialect
    this.candidate = candidate
    this.original = frame
    this.view = view
    this.drops = drops
    this.shown = shown
  }

  // What was dropped before this frame is rendered may change its numbering and its stop reason.
  get frame(): StreamFrame {
    const { dialect, original, view, drops } = this
    return drops.channels.size === 0 ? original : correctedFrame(dialect, original, view, drops)
  }

  rewrite(texts: readonly string[]): LlmEvent {
    const { dialect, candidate, original, view, drops, shown } = this
    const data = rewritten(original.data, shown.leaves, texts)
    if (data === original.data) return this
    return new FrameEvent(dialect, candidate, { ...original, data: scrubbed(dialect, data) }, view, drops, { ...shown, leaves: retold(shown.leaves, texts) })
  }

  drop(channels: ReadonlySet<string>): LlmEvent {
    const { dialect, candidate, original, view, drops, shown } = this
    for (const channel of channels) drops.channels.add(channel)
    return new FrameEvent(dialect, candidate, original, view, drops, without(shown, channels))
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
