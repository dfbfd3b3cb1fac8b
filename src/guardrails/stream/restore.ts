import type { Restorer } from '../../contract/guard.ts'
import type { ReplyEvent } from '../../contract/reply.ts'
import { LONGEST_PLACEHOLDER } from '../placeholders.ts'
import type { Session } from '../placeholders.ts'

const NAME = /^\[[A-Z][A-Z_]*_\d+_[a-z0-9]{6}\]/
const BEGUN = /^\[(?:[A-Z][A-Z_]*(?:\d+(?:_[a-z0-9]{0,6}\]?)?)?)?$/
// A token that names a place on the net, or goes on where one began.
const ADDRESS = /:\/\/|^\W*\/\/|^\W*www\.|^\W*(?:mailto|data|tel|javascript):/i
// Enough of a line to know what is open in it; a longer one counts as being inside an address.
const LONGEST_LINE = 4096
const JSON_TEXT = /^\s*(?:\{\s*"|\[\s*["{[])/
const HEAD = 64

/** Puts values back into one run of text that arrives in pieces. */
class Run {
  readonly #session: Session
  #held = ''
  /** What has left of the current line. */
  #line = ''
  /** How the run begins: text of JSON takes values escaped. */
  #head = ''

  constructor(session: Session) {
    this.#session = session
  }

  push(text: string, final: boolean): string {
    const all = this.#held + text
    this.#held = ''
    let out = ''
    let from = 0
    for (let at = all.indexOf('['); at >= 0; at = all.indexOf('[', at + 1)) {
      const rest = all.slice(at, at + LONGEST_PLACEHOLDER + 3)
      const name = NAME.exec(rest)?.[0]
      if (name === undefined) {
        if (!final && rest.length <= LONGEST_PLACEHOLDER && BEGUN.test(rest)) {
          out += this.#leave(all.slice(from, at))
          this.#held = all.slice(at)
          return out
        }
        continue
      }
      out += this.#leave(all.slice(from, at))
      // `[name](…` and `[[name]](…` are links: what follows decides.
      const after = rest.slice(name.length)
      if (!final && (after === '' || after === ']')) {
        this.#held = all.slice(at)
        return out
      }
      const value = this.#session.value(name)
      const put = value === undefined || /^\]?[([]/.test(after) || this.#inAddress() ? name : JSON_TEXT.test(this.#head) ? JSON.stringify(value).slice(1, -1) : value
      out += put
      this.#line += name
      if (this.#head.length < HEAD) this.#head += name
      from = at + name.length
      at = from - 1
    }
    return out + this.#leave(all.slice(from))
  }

  #leave(text: string): string {
    if (text === '') return ''
    if (this.#head.length < HEAD) this.#head += text.slice(0, HEAD - this.#head.length)
    const line = text.lastIndexOf('\n')
    this.#line = line >= 0 ? text.slice(line + 1) : this.#line + text
    if (this.#line.length > 2 * LONGEST_LINE) this.#line = this.#line.slice(-LONGEST_LINE - 1)
    return text
  }

  // Inside a URL, the target or text of a link, or a tag: whoever reads it may call it.
  #inAddress(): boolean {
    const line = this.#line
    if (line.length > LONGEST_LINE) return true
    const token = line.slice(Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t'), line.lastIndexOf('"'), line.lastIndexOf('\u3000')) + 1)
    if (ADDRESS.test(token)) return true
    const target = line.lastIndexOf('](')
    if (target >= 0 && !line.includes(')', target)) return true
    if (/\]:\s*\S*$/.test(line)) return true
    const tag = line.lastIndexOf('<')
    if (tag >= 0 && !line.includes('>', tag) && /[a-z/!]/i.test(line.charAt(tag + 1))) return true
    const open = line.lastIndexOf('[')
    return open >= 0 && !line.includes(']', open) && /[^\s"{\d[]/.test(line.charAt(open + 1))
  }
}

/**
 * Puts back what the caller sent, for that caller alone, behind everything that is recorded. Only in text that a
 * person reads: never in URLs, links, tags or tool arguments. Holds back what may be the beginning of a placeholder,
 * and no more than one.
 */
export class Restoring implements Restorer {
  readonly #session: Session
  readonly #runs = new Map<string, Run>()
  readonly #carriers = new Map<string, ReplyEvent>()

  constructor(session: Session) {
    this.#session = session
  }

  push(event: ReplyEvent): readonly ReplyEvent[] {
    const made: ReplyEvent[] = []
    const ending = event.kind === 'end' || (event.leaves.length === 0 && event.kind === 'content')
    const closing = ending ? [...this.#carriers.keys()] : event.closes
    for (const channel of closing) if (!event.leaves.some((leaf) => leaf.channel === channel && !leaf.whole)) made.push(...this.#flush(channel))
    let changed = false
    const texts = event.leaves.map((leaf) => {
      if (leaf.origin !== 'assistant') return leaf.text
      const shown = leaf.whole ? new Run(this.#session).push(leaf.text, true) : this.#run(leaf.channel).push(leaf.text, closing.includes(leaf.channel))
      if (!leaf.whole) this.#carriers.set(leaf.channel, event)
      if (shown !== leaf.text) changed = true
      return shown
    })
    made.push(changed ? event.rewrite(texts) : event)
    return made
  }

  end(): readonly ReplyEvent[] {
    return [...this.#carriers.keys()].flatMap((channel) => this.#flush(channel))
  }

  #run(channel: string): Run {
    let run = this.#runs.get(channel)
    if (run === undefined) this.#runs.set(channel, (run = new Run(this.#session)))
    return run
  }

  // What a channel still owes goes with its last event, carrying only that.
  #flush(channel: string): readonly ReplyEvent[] {
    const carrier = this.#carriers.get(channel)
    const owed = this.#runs.get(channel)?.push('', true) ?? ''
    if (carrier === undefined || owed === '') return []
    const at = carrier.leaves.findIndex((leaf) => leaf.channel === channel && !leaf.whole)
    return [carrier.rewrite(carrier.leaves.map((_, i) => (i === at ? owed : '')))]
  }
}
