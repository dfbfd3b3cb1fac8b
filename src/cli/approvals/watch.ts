import { setTimeout as pause } from 'node:timers/promises'
import type { ApprovalSummary, ApprovalView, DeskEvent } from '../../approvals/desk.ts'
import { exit, Failure, flag, none, UsageError, type Command, type Io } from '../command.ts'
import { AdminRefusal, Unanswered } from '../house.ts'
import { linesOf } from '../lines.ts'
import { quoted, visible } from '../show.ts'
import { decidedText, decideOn } from './decide.ts'
import { doorHelp, doorOf, urlOption, type Door } from './door.ts'
import { rowOf } from './list.ts'
import { pageOf } from './page.ts'

const AGAIN_MS = 1_000
/** A restart may take so many seconds. */
const MOST_TRIES = 60
const LONGEST_ANSWER = 256

export const approvalsWatch: Command = {
  name: 'approvals watch',
  summary: 'Watch what waits for an approval, live; with --ask decide about each on this terminal.',
  usage: '[--ask]',
  options: [{ name: 'ask', help: 'Show each one whole and ask. To approve, type the last four characters of its ID; n denies; Enter leaves it to others.' }, urlOption],
  more: `Goes on until Ctrl-C. With --json each event is one line.
${doorHelp}`,
  async run(args, io) {
    none(args)
    const asking = flag(args, 'ask')
    if (asking && (!io.terminal || flag(args, 'json'))) throw new UsageError('--ask needs a terminal, and text')
    const door = await doorOf(args, io)
    const stop = new AbortController()
    const signal = AbortSignal.any([io.signal, stop.signal])
    const queue = asking ? new Waiting() : undefined
    const watching = watch(door, signal, flag(args, 'json') ? jsonTeller(io) : teller(io, queue)).finally(() => queue?.end())
    if (queue === undefined) await watching
    else {
      const asked = askEach(door, io, queue, signal).finally(() => stop.abort())
      await Promise.all([watching, asked])
    }
    return exit.ok
  },
}

interface Teller {
  /** Everything that waits: at the beginning, and whenever something was missed. */
  all(waiting: readonly ApprovalSummary[]): Promise<void>
  one(event: DeskEvent): Promise<void>
}

/** Follows the events for as long as the key is good, and comes back after a restart of the instance. */
async function watch({ call, events }: Door, signal: AbortSignal, tell: Teller): Promise<void> {
  let last: string | undefined
  let tries = 0
  while (!signal.aborted) {
    try {
      for await (const { event, data, id } of events(last, signal)) {
        tries = 0
        if (id !== undefined) last = id
        // Asked after the events have begun, so that nothing falls between.
        if (event === 'ready' || event === 'reset') await tell.all(((await call('GET', 'approvals?state=pending&limit=200')) as { readonly approvals: readonly ApprovalSummary[] }).approvals)
        else if (event === 'end') {
          if ((JSON.parse(data) as { readonly reason?: string }).reason === 'credential') throw new Failure('the key is no longer valid')
        } else await tell.one(JSON.parse(data) as DeskEvent)
      }
    } catch (error) {
      // It was there before: a restart. The first time it is a mistake, and a refusal always is.
      tries++
      if (last === undefined || tries > MOST_TRIES || !(error instanceof Unanswered)) throw error
    }
    await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined)
  }
}

function jsonTeller(io: Io): Teller {
  return {
    all: (waiting) => io.out(waiting.map((approval) => `${JSON.stringify({ kind: 'waiting', approval })}\n`).join('')),
    one: (event) => io.out(`${JSON.stringify(event)}\n`),
  }
}

function teller(io: Io, queue: Waiting | undefined): Teller {
  return {
    async all(waiting) {
      queue?.replace(waiting.map((one) => one.id))
      await io.out(waiting.length === 0 ? 'Nothing waits.\n' : waiting.map((one) => `waits     ${lineOf(one)}`).join(''))
    },
    async one(event) {
      if (event.kind === 'created') queue?.add(event.approval.id)
      if (event.kind === 'decided' || event.kind === 'expired') queue?.drop(event.approval.id)
      await io.out(eventLine(event))
    },
  }
}

function eventLine(event: DeskEvent): string {
  switch (event.kind) {
    case 'created':
      return `waits     ${lineOf(event.approval)}`
    case 'agreed':
      return `agreed    ${lineOf(event.approval)}`
    case 'decided':
      return `decided   ${lineOf(event.approval)}`
    case 'expired':
      return `expired   ${lineOf(event.approval)}`
    case 'released':
      return `released  ${event.approval}  ${event.how} by ${visible(event.by.join(', '))}, receipt ${event.exchange}\n`
    case 'alarm':
      return `alarm     ${visible(event.habit.reviewer ?? 'everybody')} approves without looking: ${event.habit.approved} of ${event.habit.decisions}, ${event.habit.fast} in under two seconds\n`
    case 'missed':
      return ''
  }
}

function lineOf(one: ApprovalSummary): string {
  const [id = '', , ...rest] = rowOf(one, Date.now())
  return `${id}  ${rest.filter((cell) => cell !== '').join('  ')}\n`
}

/** What is to be asked about, oldest first. */
class Waiting {
  readonly #ids = new Set<string>()
  #over = false
  #told = Promise.withResolvers<void>()

  add(id: string): void {
    this.#ids.add(id)
    this.#told.resolve()
  }

  drop(id: string): void {
    this.#ids.delete(id)
  }

  replace(ids: readonly string[]): void {
    this.#ids.clear()
    for (const id of ids) this.add(id)
  }

  end(): void {
    this.#over = true
    this.#told.resolve()
  }

  /** Undefined once nothing more will come. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const [id] = this.#ids
      if (this.#over) return undefined
      if (id !== undefined) {
        this.#ids.delete(id)
        return id
      }
      this.#told = Promise.withResolvers<void>()
      await this.#told.promise
    }
  }
}

async function askEach(door: Door, io: Io, queue: Waiting, signal: AbortSignal): Promise<void> {
  const answers = answersOf(io.stdin)
  const over = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
  for (let id = await queue.next(); id !== undefined; id = await queue.next()) {
    try {
      const view = (await door.call('GET', `approvals/${encodeURIComponent(id)}`)) as ApprovalView
      if (view.state !== 'pending') continue
      await io.out(`\n${pageOf(view, Date.now())}`)
      if (view.barred !== undefined) continue
      // The end of the id: ids of one minute begin alike, and a habit must not approve.
      const word = id.slice(-4)
      io.err(`Approve once? Type ${word} to approve, n to deny, Enter to leave it: `)
      const answer = await Promise.race([answers.next().then(({ value }) => value), over])
      if (answer === undefined) return
      if (answer !== word && answer !== 'n') {
        await io.out(answer === '' ? 'Left to others.\n' : `${quoted(answer)} is neither ${word} nor n: left to others.\n`)
        continue
      }
      await io.out(decidedText({ view, decided: await decideOn(door, view, { kind: answer === 'n' ? 'deny' : 'once' }) }))
    } catch (error) {
      // One that was decided meanwhile, or may not be decided yet, is no reason to stop.
      if (!(error instanceof AdminRefusal) || error.code === undefined || error.code === 'key_revoked' || error.code === 'unauthenticated') throw error
      io.err(`sallyport: ${error.message}\n`)
    }
  }
}

/** Lines that somebody types, one at a time. */
async function* answersOf(stdin: AsyncIterable<Uint8Array>): AsyncGenerator<string, undefined> {
  for await (const lines of linesOf(stdin, LONGEST_ANSWER)) for (const line of lines) yield 'text' in line ? line.text.trim() : '?'
  return undefined
}
