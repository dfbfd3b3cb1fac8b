import type { ReplyEvent } from '../contract/reply.ts'

/** Longest address or tag that is held back for its end; of a longer one nothing is drawn. */
const LONGEST = 8192
/** What addresses begin with: an image, a break between paragraphs, a target, a definition of one, a tag. */
const TOKEN = /!\[|\n[ \t]*\n|\][(:]|<(?=[a-z!?/])/gi
/** What may still become one. */
const BEGUN = /(?:!|\]|<|\n[ \t]{0,100})$/
// Within a quotation the next line begins with its mark again.
const TARGET = /[\s>]*(?:<([^<>\n]*)|([^\s)<>]*))/y
const LINK = /^<\/?a[\s>]|^<(?:[a-z][a-z0-9+.-]*:|[^\s@>]+@)[^\s<>]*>$|^<\//i
/** What makes even a link load something. */
const LOADS = /[\s"'/](?:style|ping|background|on[a-z]+)\s*=/i
// Browsers read a scheme without slashes as one with them where the page has another.
const PLACES = /(?:[a-z][a-z0-9+.-]*:)?[\\/]{2}[^\s"'<>)]*|(?<=[=("'\s,])(?:https?|ftp|wss?):[^\s"'<>)]*/gi
const REMOVED = '#removed'

/**
 * Takes out of one run of text what a reader's program would load by itself from an address that nobody trusted gave:
 * targets of Markdown images (and of links in the same paragraph, because brackets nest in more ways than are worth
 * telling apart), definitions of targets, HTML with an address in it.
 */
class Run {
  readonly #trusts: (url: string) => boolean
  #held = ''
  #pictured = false

  constructor(trusts: (url: string) => boolean) {
    this.#trusts = trusts
  }

  get owes(): boolean {
    return this.#held !== ''
  }

  push(text: string, final: boolean): string {
    const all = this.#held + text
    this.#held = ''
    let out = ''
    let from = 0
    TOKEN.lastIndex = 0
    for (let found = TOKEN.exec(all); found !== null; found = TOKEN.exec(all)) {
      const { index } = found
      const [token] = found
      if (token === '![') this.#pictured = true
      else if (token.startsWith('\n')) this.#pictured = false
      else {
        const end = token === '<' ? endOfTag(all, index) : endOfTarget(all, index + 2)
        if (end >= all.length && !final && end - index < LONGEST) {
          this.#held = all.slice(index)
          return out + all.slice(from, index)
        }
        out += all.slice(from, index)
        out += token === '<' ? this.#tag(all.slice(index, end)) : this.#target(token, all.slice(index + 2, end))
        from = end
        TOKEN.lastIndex = end
      }
    }
    const left = all.slice(from)
    const begun = final ? null : BEGUN.exec(left)
    if (begun === null) return out + left
    this.#held = left.slice(begun.index)
    return out + left.slice(0, begun.index)
  }

  #target(token: string, written: string): string {
    if (token === '](' && !this.#pictured) return token + written
    const url = written.replace(/^[\s>]+/, '').trim().replace(/^</, '')
    // Nothing but blanks as far as one looks: the address comes behind them.
    if (url === '' && written.length >= LONGEST) return `${token} ${REMOVED} `
    // Of what stands behind a colon most is no address.
    const named = token !== ']:' || /[:&\\]|\/\//.test(url)
    if (!named || !isElsewhere(url) || this.#trusts(url)) return token + written
    return token === '](' ? `${token}${/^\s*</.test(written) ? '<' : ''}${REMOVED}` : `${token} ${REMOVED}`
  }

  #tag(written: string): string {
    if (LINK.test(written) && !LOADS.test(written)) return written
    // Browsers leave out line breaks and tabs within addresses.
    const places = [...(written.match(PLACES) ?? []), ...(written.replace(/[\t\r\n]+/g, '').match(PLACES) ?? [])]
    const hidden = /=[^>]*&#?\w/.test(written) || (written.length >= LONGEST && !written.endsWith('>'))
    return !hidden && places.every((one) => this.#trusts(one)) ? written : `&lt;${written.slice(1)}`
  }
}

function endOfTarget(text: string, from: number): number {
  TARGET.lastIndex = from
  TARGET.exec(text)
  return Math.min(Math.max(TARGET.lastIndex, from), from + LONGEST)
}

function endOfTag(text: string, from: number): number {
  const end = text.indexOf('>', from)
  return end < 0 ? Math.min(text.length, from + LONGEST) : Math.min(end + 1, from + LONGEST)
}

/** Whether something would be fetched from another place. Of what is written oddly nobody knows. */
function isElsewhere(url: string): boolean {
  if (/^data:image\/(?:png|jpe?g|gif|webp)[;,]/i.test(url)) return false
  return url.includes('//') || !/^[\w./#?=~+-]*$/.test(url)
}

/** The text without what loads by itself. @param trusts whether a URL stands in trusted text as it is. */
export function unloaded(text: string, trusts: (url: string) => boolean): string {
  return new Run(trusts).push(text, true)
}

/** The same for an answer, over its events: text that people read, never arguments of calls. */
export interface Unloading {
  push(event: ReplyEvent): readonly ReplyEvent[]
  end(): readonly ReplyEvent[]
  /** Another answer begins. */
  restart(): void
}

export function unloading(trusts: (url: string) => boolean): Unloading {
  const runs = new Map<string, { readonly run: Run; carrier: ReplyEvent }>()
  // What a channel still owes goes with its last event, carrying only that.
  const flush = (channel: string): readonly ReplyEvent[] => {
    const kept = runs.get(channel)
    if (kept === undefined || !kept.run.owes) return []
    const owed = kept.run.push('', true)
    const at = kept.carrier.leaves.findIndex((leaf) => leaf.channel === channel && !leaf.whole)
    return [kept.carrier.rewrite(kept.carrier.leaves.map((_, index) => (index === at ? owed : '')))]
  }
  return {
    push(event) {
      const ending = event.kind === 'end' || (event.leaves.length === 0 && event.kind === 'content')
      const closing = ending ? [...runs.keys()] : event.closes
      const before = closing.filter((channel) => !event.leaves.some((leaf) => leaf.channel === channel && !leaf.whole)).flatMap(flush)
      let changed = false
      const texts = event.leaves.map(({ channel, origin, text, whole }) => {
        // Whoever shows what a model thinks draws it as well.
        if (origin !== 'assistant' && origin !== 'reasoning') return text
        let shown: string
        if (whole) shown = unloaded(text, trusts)
        else {
          const kept = runs.get(channel) ?? { run: new Run(trusts), carrier: event }
          kept.carrier = event
          runs.set(channel, kept)
          shown = kept.run.push(text, closing.includes(channel))
        }
        if (shown !== text) changed = true
        return shown
      })
      return [...before, changed ? event.rewrite(texts) : event]
    },
    end: () => [...runs.keys()].flatMap(flush),
    restart: () => runs.clear(),
  }
}
