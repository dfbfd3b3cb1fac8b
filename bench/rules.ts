import { makeGuard } from '../src/guardrails/engine.ts'
import { settleGuardrails } from '../src/guardrails/settings.ts'
import type { Asked } from '../src/contract/exchange.ts'
import type { ReplyEvent } from '../src/contract/reply.ts'
import type { Segment } from '../src/contract/segment.ts'
import { clock, prose } from './prose.ts'
import { rulesThroughput } from './throughput.ts'

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

Object.assign(result, rulesThroughput())
turns()
await streams()
console.table(Object.fromEntries(Object.entries(result).map(([name, value]) => [name, Number(value.toFixed(2))])))
if (process.argv.includes('--json')) console.log(JSON.stringify(result))
