/** One event of an event stream. `event` and `id` are present only where this very event named them. */
export interface SseEvent {
  readonly event?: string
  readonly data: string
  readonly id?: string
}

/** Both in UTF-16 code units: what is held in memory for one unfinished line, and for one unfinished event. */
export interface SseLimits {
  readonly line: number
  readonly event: number
}

export class SseError extends Error {
  readonly kind: 'line_too_long' | 'event_too_long' | 'encoding'
  constructor(kind: SseError['kind']) {
    super(`event stream: ${kind}`)
    this.kind = kind
  }
}

export interface SseParser {
  /**
   * Events that became complete with these bytes.
   * @throws {SseError} once, and for ever after.
   */
  push(bytes: Uint8Array): SseEvent[]
  /** No more bytes will come. The standard drops an unfinished event, so this is empty; see `pending`. */
  end(): SseEvent[]
  /** True while a line or an event has begun and not ended: at the end of the stream, something was dropped. */
  readonly pending: boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const NOTHING = new Uint8Array(0)

/**
 * Incremental parser of `text/event-stream` as the WHATWG HTML standard describes it, except that bytes which
 * are not UTF-8 are an error instead of U+FFFD: what was inspected must be what was sent.
 */
export function sseParser(limits: SseLimits): SseParser {
  /** The first bytes of a character whose last ones are still to come. */
  let tail: Uint8Array = NOTHING
  /** The beginning of an unfinished line: only ever appended to, so that tiny chunks cost linear work. */
  let rest = ''
  let atStart = true
  let afterCr = false
  let event = ''
  let data = ''
  let lines = 0
  let id: string | undefined
  let failed: SseError | undefined

  function fail(kind: SseError['kind']): never {
    failed = new SseError(kind)
    throw failed
  }

  function decode(bytes: Uint8Array): string {
    const all = tail.length === 0 ? bytes : joined(tail, bytes)
    const cut = all.length - unfinished(all)
    tail = cut === all.length ? NOTHING : all.slice(cut)
    if (cut === 0) return ''
    try {
      return utf8.decode(cut === all.length ? all : all.subarray(0, cut))
    } catch {
      return fail('encoding')
    }
  }

  function take(line: string, out: SseEvent[]): void {
    if (line === '') {
      if (lines > 0) out.push(made())
      event = ''
      data = ''
      lines = 0
      id = undefined
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1)
    if (name === 'data') {
      data = lines === 0 ? value : data + '\n' + value
      lines++
    } else if (name === 'event') event = value
    else if (name === 'id') {
      if (!value.includes('\0')) id = value
    }
    if (data.length + event.length + (id?.length ?? 0) > limits.event) fail('event_too_long')
  }

  function made(): SseEvent {
    if (event === '') return id === undefined ? { data } : { data, id }
    return id === undefined ? { event, data } : { event, data, id }
  }

  return {
    push(bytes) {
      if (failed !== undefined) throw failed
      const out: SseEvent[] = []
      const text = decode(bytes)
      if (text === '') return out
      let from = 0
      if (atStart) {
        atStart = false
        if (text.charCodeAt(0) === 0xfeff) from = 1
      }
      if (afterCr && text.charCodeAt(from) === 10) from++
      afterCr = false
      let cr = text.indexOf('\r', from)
      for (;;) {
        const lf = text.indexOf('\n', from)
        if (cr >= 0 && cr < from) cr = text.indexOf('\r', from)
        const end = cr >= 0 && (lf < 0 || cr < lf) ? cr : lf
        if (rest.length + (end < 0 ? text.length : end) - from > limits.line) fail('line_too_long')
        if (end < 0) break
        take(rest === '' ? text.slice(from, end) : rest + text.slice(from, end), out)
        rest = ''
        from = end + 1
        if (end === cr) {
          if (from === text.length) afterCr = true
          else if (text.charCodeAt(from) === 10) from++
        }
      }
      if (from < text.length) rest += text.slice(from)
      return out
    },
    end() {
      if (failed !== undefined) throw failed
      return []
    },
    get pending() {
      return tail.length > 0 || rest !== '' || lines > 0 || event !== ''
    },
  }
}

/** How many bytes at the end begin a character that is not complete; 0 also where they begin nothing valid. */
function unfinished(bytes: Uint8Array): number {
  const length = bytes.length
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] as number
    if (byte < 0x80 || byte > 0xf4) return 0
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0
  }
  return 0
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}

/**
 * One event as text. Line breaks inside `data` become further `data:` lines, so a carriage return comes out as
 * a line feed on the other side.
 * @throws {RangeError} for an event name with a line break, which would let it write fields of its own.
 */
export function sseText(event: string | undefined, data: string): string {
  let head = ''
  if (event !== undefined && event !== '') {
    if (/[\r\n]/.test(event)) throw new RangeError('an event name has no line breaks')
    head = 'event: ' + event + '\n'
  }
  if (!data.includes('\n') && !data.includes('\r')) return head + 'data: ' + data + '\n\n'
  return head + 'data: ' + data.split(/\r\n|\r|\n/).join('\ndata: ') + '\n\n'
}
