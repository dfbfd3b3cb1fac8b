import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Receipt } from '../contract/receipt.ts'
import type { Telemetry } from './settings.ts'

/** Figures that are read when somebody looks, not when they change. */
export interface Gauges {
  readonly inflight: () => number
  readonly inflightBytes: () => number
  /** Seconds since the oldest record that is not on disk yet; 0 = none waits. */
  readonly auditLag: () => number
  /** Seconds since the last checkpoint reached its second place. */
  readonly checkpointAge: () => number
  readonly breakers: () => Iterable<readonly [target: string, state: 'closed' | 'half-open' | 'open']>
  readonly epochSerial: () => number
}

export interface Metrics {
  /** Counts one finished exchange: everything that its receipt says. */
  readonly ended: (receipt: Receipt) => void
  readonly alerted: (kind: string) => void
  /** Something happened to an approval: `created`, `decided` and so on. */
  readonly approval: (event: string) => void
  /** A message that a webhook was never told; `what`: alerts or approvals. */
  readonly webhookFailed: (what: string) => void
  readonly reloaded: (accepted: boolean) => void
  readonly defect: (step: string) => void
  readonly scrape: () => Promise<{ readonly type: string; readonly text: string }>
}

/** Distinct values that a label may take: names that callers choose must not grow the memory. */
const mostValues = 500
const breakerStates = { closed: 0, 'half-open': 1, open: 2 } as const

/** The metrics registry, as functions: who counts knows nothing of Prometheus. */
export function makeMetrics(settings: Telemetry, version: string, gauges: Gauges): Metrics {
  const registry = new Registry()
  const registers = [registry]
  if (settings.runtimeMetrics) collectDefaultMetrics({ register: registry })
  const requests = tally('sallyport_requests_total', 'Exchanges that ended.', ['action', 'route', 'outcome', 'code'])
  const seconds = new Histogram({
    name: 'sallyport_request_seconds',
    help: 'How long exchanges took, upstream included.',
    labelNames: ['action', 'route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    registers,
  })
  const firstTokens = new Histogram({
    name: 'sallyport_first_token_seconds',
    help: 'Time from asking a target until the first content of its answer.',
    labelNames: ['route', 'target'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
    registers,
  })
  const guard = new Histogram({
    name: 'sallyport_guard_seconds',
    help: 'Time that guardrails worked on an exchange.',
    labelNames: ['action'],
    buckets: [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5],
    registers,
  })
  const findings = tally('sallyport_findings_total', 'What guardrails found.', ['guardrail', 'category', 'mode'])
  const tokens = tally('sallyport_tokens_total', 'Tokens used.', ['route', 'model', 'kind'])
  const cost = tally('sallyport_cost_usd_total', 'Cost of all attempts with a known price, in USD.', ['route', 'model'])
  const flow = tally('sallyport_flow_decisions_total', 'What flow said of tool calls.', ['mode', 'verdict', 'class', 'proposed'])
  const flowRules = tally('sallyport_flow_rules_total', 'Rules of flow that held or denied a tool call, or would have.', ['mode', 'verdict', 'rule'])
  const attempts = tally('sallyport_attempts_total', 'Calls to targets.', ['target', 'role', 'outcome', 'code'])
  const alerts = new Counter({ name: 'sallyport_budget_alerts_total', help: 'Budget alerts raised.', labelNames: ['kind'], registers })
  const approvals = new Counter({ name: 'sallyport_approvals_total', help: 'What happened to approvals.', labelNames: ['event'], registers })
  const untold = new Counter({ name: 'sallyport_webhook_failures_total', help: 'Messages that webhooks were never told.', labelNames: ['what'], registers })
  const reloads = new Counter({ name: 'sallyport_reloads_total', help: 'Changed settings that were tried.', labelNames: ['result'], registers })
  const defects = new Counter({ name: 'sallyport_defects_total', help: 'Steps that broke.', labelNames: ['step'], registers })
  new Gauge({ name: 'sallyport_build_info', help: 'Version.', labelNames: ['version'], registers }).set({ version }, 1)
  gauge('sallyport_inflight', 'Exchanges in progress.', gauges.inflight)
  gauge('sallyport_inflight_bytes', 'Bytes of request bodies held.', gauges.inflightBytes)
  gauge('sallyport_audit_lag_seconds', 'Age of the oldest record that is not on disk.', gauges.auditLag)
  gauge('sallyport_checkpoint_age_seconds', 'Time since a checkpoint reached its second place.', gauges.checkpointAge)
  gauge('sallyport_epoch_serial', 'Serial number of the settings in force.', gauges.epochSerial)
  new Gauge({
    name: 'sallyport_breaker_state',
    help: 'Circuit breakers: 0 closed, 1 half open, 2 open.',
    labelNames: ['target'],
    registers,
    collect() {
      this.reset()
      for (const [target, state] of gauges.breakers()) this.set({ target }, breakerStates[state])
    },
  })

  /**
   * A counter that is added up here and handed over when somebody looks: the registry hashes its labels at every
   * increment, which cost a call more than its policy decision. Labels are bounded, so what waits is too.
   */
  function tally(name: string, help: string, labelNames: readonly string[]): (amount: number, ...values: readonly string[]) => void {
    const waiting = new Map<string, { readonly labels: Record<string, string>; amount: number }>()
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        for (const { labels, amount } of waiting.values()) this.inc(labels, amount)
        waiting.clear()
      },
    })
    return (amount, ...values) => {
      const key = values.join('\n')
      const known = waiting.get(key)
      if (known !== undefined) known.amount += amount
      else waiting.set(key, { labels: Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? ''])), amount })
    }
  }

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }

  const route = bounded()
  const model = bounded()
  const target = bounded()
  const category = bounded()

  return {
    ended: (receipt) => {
      const at = route(receipt.route)
      requests(1, receipt.action, at, receipt.outcome, receipt.code ?? '')
      seconds.observe({ action: receipt.action, route: at }, receipt.took / 1000)
      if (receipt.guardMicros > 0) guard.observe({ action: receipt.action }, receipt.guardMicros / 1e6)
      for (const one of receipt.findings) findings(1, one.guardrail, category(one.category), one.mode)
      if (receipt.flow !== undefined) {
        const { mode, verdict, class: sink, rules, proposed } = receipt.flow
        flow(1, mode, verdict, sink, proposed === undefined ? 'no' : 'yes')
        for (const rule of rules) flowRules(1, mode, verdict, rule)
      }
      for (const one of receipt.attempts) {
        attempts(1, target(one.candidate), one.role, one.outcome, one.code ?? '')
        if (one.firstByte !== undefined) firstTokens.observe({ route: at, target: target(one.candidate) }, one.firstByte / 1000)
        const by = model(one.model)
        if (one.usage.input > 0) tokens(one.usage.input, at, by, 'input')
        if (one.usage.output > 0) tokens(one.usage.output, at, by, 'output')
        if (one.usage.cachedInput > 0) tokens(one.usage.cachedInput, at, by, 'cached_input')
        if (one.usage.reasoning > 0) tokens(one.usage.reasoning, at, by, 'reasoning')
        if (one.cost !== undefined) cost(one.cost / 1e6, at, by)
      }
    },
    alerted: (kind) => alerts.inc({ kind }),
    approval: (event) => approvals.inc({ event }),
    webhookFailed: (what) => untold.inc({ what }),
    reloaded: (accepted) => reloads.inc({ result: accepted ? 'accepted' : 'refused' }),
    defect: (step) => defects.inc({ step }),
    scrape: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  }
}

/** Lets the first values through and calls the rest `other`. */
function bounded(): (value: string) => string {
  const seen = new Set<string>()
  return (value) => {
    if (seen.has(value)) return value
    if (seen.size >= mostValues) return 'other'
    seen.add(value)
    return value
  }
}
