import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Receipt } from '../contract/receipt.ts'
import { makeMetrics, type Gauges } from './metrics.ts'
import { settleTelemetry } from './settings.ts'

const gauges: Gauges = {
  inflight: () => 3,
  inflightBytes: () => 1024,
  auditLag: () => 0.5,
  checkpointAge: () => 1,
  breakers: () => [['openai/gpt', 'open']],
  epochSerial: () => 2,
}
const usage = { input: 10, output: 5, cachedInput: 4, cacheWrite: 0, reasoning: 0 }
const receipt = {
  action: 'llm.generate',
  route: 'default',
  outcome: 'answered',
  took: 120,
  guardMicros: 40,
  findings: [{ guardrail: 'pii', category: 'email', score: 1, layer: 'rules', mode: 'shadow', action: 'redact', origin: 'user', rule: 'r' }],
  attempts: [{ candidate: 'openai/gpt', role: 'primary', model: 'gpt', outcome: 'answered', usage, cost: 2_000_000, startedAt: 0, firstByte: 30, took: 100 }],
  usage,
} as unknown as Receipt

test('one receipt moves every figure it speaks of', async () => {
  const metrics = makeMetrics(settleTelemetry({ runtime_metrics: false }), '1.2.3', gauges)
  metrics.ended(receipt)
  metrics.alerted('threshold')
  const { text } = await metrics.scrape()
  for (const line of [
    'sallyport_requests_total{action="llm.generate",route="default",outcome="answered",code=""} 1',
    'sallyport_request_seconds_sum{action="llm.generate",route="default"} 0.12',
    'sallyport_findings_total{guardrail="pii",category="email",mode="shadow"} 1',
    'sallyport_tokens_total{route="default",model="gpt",kind="input"} 10',
    'sallyport_tokens_total{route="default",model="gpt",kind="cached_input"} 4',
    'sallyport_cost_usd_total{route="default",model="gpt"} 2',
    'sallyport_attempts_total{target="openai/gpt",role="primary",outcome="answered",code=""} 1',
    'sallyport_first_token_seconds_sum{route="default",target="openai/gpt"} 0.03',
    'sallyport_breaker_state{target="openai/gpt"} 2',
    'sallyport_budget_alerts_total{kind="threshold"} 1',
    'sallyport_inflight 3',
    'sallyport_build_info{version="1.2.3"} 1',
  ]) {
    assert.ok(text.includes(line), `${line}\nis not in\n${text}`)
  }
  assert.doesNotMatch(text, /process_cpu/)
})

test('decisions of flow are counted by mode, verdict and class, and each rule by itself', async () => {
  const metrics = makeMetrics(settleTelemetry({ runtime_metrics: false }), '1', gauges)
  const said = { mode: 'shadow', verdict: 'hold', class: 'money', rules: ['provenance', 'scope'], arguments: ['to'] }
  for (const flow of [said, said, { ...said, mode: 'enforce', verdict: 'allow', rules: ['provenance'], proposed: 'x1' }, undefined]) metrics.ended({ ...receipt, flow } as unknown as Receipt)
  const { text } = await metrics.scrape()
  assert.deepEqual(text.split('\n').filter((line) => line.startsWith('sallyport_flow_')).sort(), [
    'sallyport_flow_decisions_total{mode="enforce",verdict="allow",class="money",proposed="yes"} 1',
    'sallyport_flow_decisions_total{mode="shadow",verdict="hold",class="money",proposed="no"} 2',
    'sallyport_flow_rules_total{mode="enforce",verdict="allow",rule="provenance"} 1',
    'sallyport_flow_rules_total{mode="shadow",verdict="hold",rule="provenance"} 2',
    'sallyport_flow_rules_total{mode="shadow",verdict="hold",rule="scope"} 2',
  ])
})

test('names that callers choose do not grow the memory', async () => {
  const metrics = makeMetrics(settleTelemetry({ runtime_metrics: false }), '1', gauges)
  for (let i = 0; i < 2000; i++) metrics.ended({ ...receipt, route: `r${i}`, attempts: [] })
  const { text } = await metrics.scrape()
  assert.ok(text.match(/^sallyport_requests_total\{/gm)?.length === 501)
  assert.match(text, /route="other"/)
})
