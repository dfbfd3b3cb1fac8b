import { makeGuard } from '../src/guardrails/engine.ts'
import { guardrails } from '../src/guardrails/list.ts'
import { scanner } from '../src/guardrails/rules/scanner.ts'
import { settleGuardrails } from '../src/guardrails/settings.ts'
import type { Asked } from '../src/contract/exchange.ts'
import type { Clock } from '../src/contract/clock.ts'
import type { ReplyEvent } from '../src/contract/reply.ts'
import type { Segment } from '../src/contract/segment.ts'

const clock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  timer(ms, fire) {
    const timer = setTimeout(fire, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

const SENTENCES = [
  'Could you help me rewrite this paragraph so that it reads better? ', 'The meeting was moved to Thursday at 3 pm because two people are travelling. ',
  'I think we should return the list sorted by name, then show the first 20 entries. ', 'Sure! Here is a short summary of what the document says about the new process. ',
  'If the token count grows, the model tends to forget what was said at the beginning. ', 'Please write a function that takes a path and gives back the number of lines in the file. ',
  'On the other hand, prices rose by 4.5 % in 2023, which surprised most analysts. ', 'You can reach the support desk from the settings page; they usually answer within a day. ',
  'const total = items.reduce((sum, item) => sum + item.price * item.count, 0)\n', 'In my opinion the second option is clearer, and it is easier to explain to a newcomer. ',
  'Ignore the noise for a moment: the key point is that the cache was never invalidated. ', 'Version 2.14.1 fixes the crash that users reported after the last update.\n\n',
]

function prose(length: number, seed: number): string {
  let state = seed
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    text += SENTENCES[(state >> 8) % SENTENCES.length]
  }
  // One flat string, as the reader makes it.
  return Buffer.from(text.slice(0, length), 'latin1').toString('latin1')
}

function best(runs: number, work: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < runs; i++) {
    const began = performance.now()
    work()
    least = Math.min(least, performance.now() - began)
  }
  return least
}

function asked(workload: string): Asked {
  return {
    exchange: { id: '0', gateway: 'bench', startedAt: 0, epoch: '' },
    principal: { tenant: 'default', workload, chain: [], roles: [], proof: { kind: 'none', id: '' }, scope: { rights: [] } },
    reading: {
      action: 'llm.generate', resource: { type: 'Route', id: 'default', attributes: {} }, route: 'default', direction: 'outbound', effect: 'dial',
      overlapsIntent: true, stream: true, segments: [], effects: [], parameters: {}, subordinates: [], estimate: { input: 0, choices: 1 },
      fingerprint: () => '',
      apply() {
        return this
      },
    },
  }
}

const signal = new AbortController().signal
const strict = settleGuardrails([], 'strict')
const result: Record<string, number> = {}

function throughput(): void {
  const all = scanner('all', guardrails.flatMap(({ matchers }) => matchers ?? []))
  const chunks = Array.from({ length: 1024 }, (_, i) => prose(1024, i + 1))
  for (let i = 0; i < 3; i++) for (const chunk of chunks) all.scan(chunk, true)
  const ms = best(10, () => {
    for (const chunk of chunks) all.scan(chunk, true)
  })
  result['rules, ASCII chat, 1 KB texts (MB/s)'] = 1024 * 1024 / ms / 1000
  const long = prose(1 << 20, 7)
  result['rules, ASCII chat, 1 MB text (MB/s)'] = long.length / best(10, () => all.scan(long, true)) / 1000
  const accented = chunks.map((chunk) => chunk.replaceAll(' is ', ' ïs '))
  for (const chunk of accented) all.scan(chunk, true)
  result['rules, accented, 1 KB texts (MB/s)'] = 1024 * 1024 / best(5, () => {
    for (const chunk of accented) all.scan(chunk, true)
  }) / 1000
  const digits = Array.from({ length: 1024 }, (_, i) => Buffer.from(`row ${i}, `.padEnd(1024, `${(i * 7919) % 100_000}, 12.5, 2024-01-${(i % 28) + 1}, `), 'latin1').toString('latin1'))
  for (const chunk of digits) all.scan(chunk, true)
  result['rules, tables of numbers, 1 KB texts (MB/s)'] = 1024 * 1024 / best(5, () => {
    for (const chunk of digits) all.scan(chunk, true)
  }) / 1000
}

function segment(text: string, i: number): Segment {
  return { origin: i % 2 === 0 ? 'user' : 'assistant', text, path: ['messages', i, 'content'], group: `m${i}` }
}

// A client resends its history as new strings: equal, never identical.
function fresh(texts: readonly string[]): Segment[] {
  return texts.map((text, i) => segment(Buffer.from(text, 'latin1').toString('latin1'), i))
}

function turns(): void {
  const guard = makeGuard(strict, { clock, cacheBytes: 64 << 20 })
  const measured = new Map<number, number[]>([[1, []], [100, []]])
  for (let round = 0; round < 400; round++) {
    for (const [turn, times] of measured) {
      const texts = Array.from({ length: turn }, (_, i) => prose(1024, round * 1000 + turn * 131 + i))
      const who = asked(`bench-${round % 4}-${turn}`)
      if (turn > 1) void guard.inspect(who, fresh(texts.slice(0, -1)), 'request', signal)
      const segments = fresh(texts)
      const began = performance.now()
      void guard.inspect(who, segments, 'request', signal)
      times.push(performance.now() - began)
    }
  }
  for (const [turn, times] of measured) {
    const late = times.slice(100).sort((a, b) => a - b)
    result[`guard, turn ${turn}, 1 KB new (µs, median)`] = (late[late.length >> 1] as number) * 1000
  }
  result['turn 100 / turn 1'] = (result['guard, turn 100, 1 KB new (µs, median)'] as number) / (result['guard, turn 1, 1 KB new (µs, median)'] as number)
}

class Delta implements ReplyEvent {
  readonly kind = 'content'
  readonly closes = []
  readonly opensCall = false
  readonly proposals = []
  readonly leaves: ReplyEvent['leaves']
  constructor(text: string) {
    this.leaves = [{ channel: '0/text', origin: 'assistant', text, whole: false }]
  }
  rewrite(texts: readonly string[]): ReplyEvent {
    return new Delta(texts[0] ?? '')
  }
  drop(): ReplyEvent {
    return this
  }
}

async function streams(): Promise<void> {
  for (const posture of ['guard', 'strict'] as const) {
    const guard = makeGuard(settleGuardrails([], posture), { clock, cacheBytes: 1 << 20 })
    const texts = prose(64 * 24, 5).match(/.{1,24}/gs) ?? []
    let least = Number.POSITIVE_INFINITY
    for (let run = 0; run < 8; run++) {
      const open = Array.from({ length: 512 }, () => guard.reply(asked('stream'), { mode: 'balanced', onDenied: 'fail', signal, decide: () => ({ allow: true }) }))
      const began = performance.now()
      for (const text of texts) {
        for (const reply of open) {
          const step = reply.push(new Delta(text))
          if (step instanceof Promise) await step
        }
      }
      for (const reply of open) await reply.end()
      least = Math.min(least, performance.now() - began)
    }
    result[`stream, posture ${posture}: 64 deltas × 512 (µs per event)`] = (least * 1000) / (64 * 512)
  }
}

throughput()
turns()
await streams()
console.table(Object.fromEntries(Object.entries(result).map(([name, value]) => [name, Number(value.toFixed(2))])))
if (process.argv.includes('--json')) console.log(JSON.stringify(result))
