import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openAudit } from './audit/audit.ts'
import { scribeFor } from './audit/scribe.ts'
import { auditState } from './auditing.ts'
import type { Loaded } from './config/load.ts'
import { isLoaded, loadConfig } from './config/load.ts'
import { problemLine, type Problem } from './config/problem.ts'
import { clearRunning, makeStateFolder, stateFiles, stateFolder, writeRunning } from './config/state.ts'
import { watch } from './config/watch.ts'
import { adminHandler } from './console/admin.ts'
import type { Receipt } from './contract/receipt.ts'
import { systemClock as clock } from './edge/clock.ts'
import { makeDialer } from './edge/dial/dialer.ts'
import { listen, type Handler, type Malformed } from './edge/listen/http.ts'
import { openModels, type RunningModels } from './guardrails/classifiers/models.ts'
import { compose, isComposed, type Composed, type Household } from './epoch.ts'
import { uuid7Maker } from './formats/ids.ts'
import { makeHealth } from './gateways/llm/routing/health.ts'
import { JudgeBook } from './judging.ts'
import { makeAdminDoor } from './identity/admin.ts'
import { openSealer } from './approvals/sealer.ts'
import { openKeyring } from './identity/keyring.ts'
import { openAdminKey, openSecret } from './identity/secret.ts'
import { endorsingRoutes } from './endorsing.ts'
import { identityRoutes, reachableUrl } from './enrolling.ts'
import { openApproving } from './approving.ts'
import { openHolding } from './holding.ts'
import { openReviewers } from './identity/reviewers.ts'
import { openIdentifying } from './identifying.ts'
import { adminRoutes } from './operate.ts'
import { shippedPolicy } from './policy/folder.ts'
import { openPinning } from './pinning.ts'
import { browserOrigin, openConsenting, usesOauth } from './consenting.ts'
import { openTooling } from './tooling.ts'
import { dataHandler, hostText, openDataListeners } from './serving.ts'
import { makeBaseline } from './session/baseline.ts'
import { openLabelRows } from './session/flow/label_rows.ts'
import { flowMemory } from './session/flow/memory.ts'
import { openHistory } from './session/history.ts'
import { pass, type Spine, type StepName } from './spine.ts'
import { close, malformedReceipt } from './steps/close.ts'
import { makeRefusalMemory } from './steps/memory.ts'
import { makeSteps } from './steps/make.ts'
import { recordShadow } from './steps/shadow.ts'
import type { House } from './steps/house.ts'
import { openEmbedded } from './store/embedded/open.ts'
import { makeLedger } from './budgets/ledger.ts'
import { makeLog } from './telemetry/log.ts'
import { makeMetrics } from './telemetry/metrics.ts'
import { makeWebhook } from './telemetry/webhook.ts'

export interface StartOptions {
  /** The settings file; undefined = the embedded settings. */
  readonly config: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Takes whole log lines. */
  readonly log: (line: string) => void
  readonly terminal: boolean
}

export interface Started {
  readonly dataUrl: string
  readonly adminUrl: string
  /** The data port with TLS, where settings ask for one. */
  readonly secureUrl?: string
  /** The unix socket, where settings ask for one. */
  readonly local?: string
  readonly state: string
  readonly practice: boolean
  /** Names under which agents meet MCP servers, each at `/mcp/<name>`. */
  readonly mcpServers: readonly string[]
  /** Drains: no new requests, streams in flight may end, then everything is on disk. */
  stop(signal?: string): Promise<void>
}

/** Settings that do not stand: nothing was started. */
export class BadSettings extends Error {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    super(problems.map(problemLine).join('\n'))
    this.problems = problems
  }
}

export const version: string = (JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as { version: string }).version

/** Longest that each step may take before it counts as hung. Reading and dialling have tighter limits of their own. */
const stepLimits: Readonly<Record<StepName, number>> = {
  identify: 5_000,
  read: 300_000,
  resolve: 5_000,
  // What would happen behind our back may wait for people, as below.
  authorize: 25 * 3_600_000,
  reserve: 5_000,
  inspect: 60_000,
  reauthorize: 5_000,
  // Holds end by their own deadlines; this is for one that does not.
  approve: 25 * 3_600_000,
  intent: 10_000,
  dial: 3_600_000,
  guard: 5_000,
}

const newId = uuid7Maker(() => clock.wall())
/** The longest window, and a day. */
const KEEP_COUNTERS_MS = 31 * 86_400_000
const KEEP_REPLY_BYTES = 64 * 1024

/**
 * Builds everything from settings, starts it, and gives the way to stop it.
 * @throws {BadSettings} before anything listens; whatever was opened is closed again.
 */
export async function start(options: StartOptions): Promise<Started> {
  const began = clock.monotonic()
  const first = settingsOf(options)
  const log = makeLog({ settings: first.telemetry, terminal: options.terminal, write: options.log })
  const state = stateFolder(options.env)
  makeStateFolder(state)
  const opened: (() => Promise<void> | void)[] = []
  const closeAll = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one()
  }
  try {
    const defect = (step: string, error: unknown, id?: string): void => {
      metrics.defect(step)
      log('defect', { step, error, id })
    }
    const store = await openEmbedded({ folder: state, scribe: scribeFor(state) })
    opened.push(() => store.close())
    const auditing = auditState(clock)
    const checkpointsTo = first.audit.checkpoints.to
    const { alertWebhook } = first.telemetry
    const outside = [...(checkpointsTo.kind === 'url' ? [checkpointsTo.url] : []), ...(alertWebhook === undefined ? [] : [alertWebhook])]
    const { dial, close: hangUp } = makeDialer({ origins: outside.map((url) => ({ origin: new URL(url).origin, allowPrivate: true })) })
    opened.push(hangUp)
    const webhook = alertWebhook === undefined ? undefined : makeWebhook({ url: alertWebhook, dial, clock, onFailed(error) {
      metrics.webhookFailed('alerts')
      log('webhook_failed', { error })
    } })
    opened.push(() => webhook?.close())
    const audit = await openAudit({ store, folder: state, settings: first.audit, clock, dial, on: (event) => auditing.tell(event, log) })
    opened.push(async () => void (await audit.close()))
    const files = stateFiles(state)
    const secret = await openSecret(files.keySecret)
    const keyring = await openKeyring({ keys: store.keys, secret, clock })
    const reviewers = await openReviewers({ keys: store.keys, secret, clock })
    const admin = makeAdminDoor(await openAdminKey(files.adminKey), secret, reviewers)
    const ledger = makeLedger({ clock, loaded: await store.counters.load(), counters: store.counters, onStoreError: (error) => defect('budgets', error) })
    opened.push(() => ledger.flush())
    opened.push(hourly(() => store.counters.sweep(clock.wall() - KEEP_COUNTERS_MS).catch((error: unknown) => defect('sweep', error))))

    const health = makeHealth(clock, { onChange: (target, state, was) => log('breaker', { target, state, was }) })
    let models: RunningModels | undefined
    opened.push(async () => models?.close())
    const judged = new JudgeBook(clock)
    const history = await openHistory({ clock, sessions: store.sessions, onStoreError: (error) => defect('history', error) })
    opened.push(() => history.save())
    const pinning = await openPinning({
      store: store.pins,
      clock,
      epoch: () => live.epoch,
      configured: () => new Set(live.mcp.servers.keys()),
      record: (by, act, detail) => audit.act({ kind: 'act', exchange: newId(), tenant: 'default', at: clock.wall(), by, act, detail }),
    })
    const consenting = openConsenting({ store: store.grants, folder: state, clock, newId, audit, origin: () => browserOrigin(live.identity.publicUrl, listeners.dataUrl), stands: (target) => usesOauth(live.mcp.servers.get(target.server)?.settings, target) })
    opened.push(() => consenting.close())
    const tooling = openTooling({ pinning, consenting, sealer: openSealer(state, 'rounds'), clock, version, on: (server, { kind, ...more }) => log('mcp_server', { server, event: kind, ...more }) })
    opened.push(() => tooling.close())
    const labels = await openLabelRows({ clock, sessions: store.sessions, onStoreError: (error) => defect('labels', error) })
    opened.push(() => labels.close())
    opened.push(hourly(() => store.sessions.sweep(clock.wall()).catch((error: unknown) => defect('sweep', error))))
    const flow = flowMemory(clock.monotonic, undefined, labels)
    const household: Household = {
      clock,
      tooling,
      state,
      env: options.env,
      ledger,
      health,
      history,
      flow,
      onDefect: defect,
      members: keyring.members,
      policyFolder: shippedPolicy,
      onAlert: (alert) => {
        metrics.alerted(alert.kind)
        log('alert', { kind: alert.kind, tenant: alert.tenant, scope: `${alert.per}:${alert.value}`, window: alert.window, share: alert.used / alert.limit, ...(alert.factor !== undefined && { rate: alert.factor }) })
        webhook?.send({ ...alert, at: clock.wall() })
      },
      models: () => (models ??= openModels()),
      pass: (errand) => pass(spine, errand),
      judged,
      onWarning: (what) => log('doubtful', { what }),
      onShadow: (asked, findings) => void recordShadow(house, newId(), asked, findings).catch((error: unknown) => defect('shadow', error)),
      onBlind: (why) => log('classifiers_missing', { why }),
      version,
    }
    const identifying = await openIdentifying({
      folder: state,
      env: options.env,
      settings: first.identity,
      keyring,
      secret,
      workloads: store.workloads,
      revocations: store.revocations,
      clock,
      newId,
      dial: (request) => live.issuers(request),
      onKeys: (fetched) => log('issuer_keys', { ...fetched }),
      onRevoked: (fits) => tooling.revoked(fits),
      onDefect: defect,
    })
    opened.push(() => identifying.close())
    opened.push(hourly(() => Promise.all([identifying.roster.sweep(), identifying.revokedIds.sweep()]).catch((error: unknown) => defect('sweep', error))))
    let live = await settled(first, household, 1)
    opened.push(() => live.close())
    let inflight = 0
    let inflightBytes = 0
    let draining = false

    const metrics = makeMetrics(first.telemetry, version, {
      inflight: () => inflight,
      inflightBytes: () => inflightBytes,
      auditLag: auditing.lagSeconds,
      checkpointAge: auditing.checkpointAgeSeconds,
      breakers: () => health.all().map(({ target, state }) => [target, state] as const),
      epochSerial: () => live.epoch.serial,
    })
    const approvals = await openHolding({ store: store.approvals, folder: state, composed: () => live, audit, live: identifying.live, onWithdrawn: flow.withdraw, clock, newId, onDefect: defect })
    opened.push(() => approvals.close())
    opened.push(hourly(() => approvals.sweep().catch((error: unknown) => defect('sweep', error))))
    const house: House = {
      clock,
      audit,
      refusals: makeRefusalMemory(clock),
      keepReplyBytes: first.audit.payload === 'full' ? KEEP_REPLY_BYTES : 0,
      keepPayload: first.audit.payload === 'none' ? 'none' : 'full',
      observe: (receipt) => observed(receipt),
      approvals,
      history,
      anomaly: makeBaseline(clock).score,
      epoch: () => live.epoch,
      pass: (errand) => pass(spine, errand),
    }
    const observed = (receipt: Receipt): void => {
      metrics.ended(receipt)
      const name = receipt.outcome === 'answered' ? 'answered' : receipt.outcome === 'failed' || receipt.outcome === 'cut' ? 'failed' : 'refused'
      log(name, { id: receipt.exchange, tenant: receipt.tenant, workload: receipt.workload, action: receipt.action, route: receipt.route, model: receipt.model, code: receipt.code, step: receipt.step, status: receipt.status, took: receipt.took } as never)
    }
    const spine: Spine = {
      clock,
      newId,
      epoch: () => live.epoch,
      steps: makeSteps(house),
      limits: stepLimits,
      close: close(house),
      onDefect: (step, error, exchange) => defect(step, error, exchange.id),
    }

    const answer = dataHandler({ identifying, consenting, composed: () => live, pass: house.pass, clock })
    const data: Handler = async (arrival, outlet) => {
      inflight++
      try {
        await answer(arrival, outlet)
      } finally {
        inflight--
      }
    }
    const { limits } = first
    const listening = {
      newId,
      hosts: first.listen.hosts,
      origins: first.listen.origins,
      headerBytes: limits.headerBytes,
      headerCount: limits.headerCount,
      headMs: limits.headTimeoutMs,
      bodyMs: limits.bodyTimeoutMs,
      idleMs: limits.idleTimeoutMs,
      connections: limits.connections,
      inflight: {
        take(bytes: number) {
          if (inflightBytes + bytes > limits.inflightBytes) return false
          inflightBytes += bytes
          return true
        },
        give: (bytes: number) => void (inflightBytes -= bytes),
      },
      onMalformed: (info: Malformed) => void audit.receipt(malformedReceipt(info, live.epoch.id, clock.wall()), undefined).catch((error: unknown) => defect('malformed', error)),
      onDefect: (error: unknown) => defect('listen', error),
    }
    const listeners = await openDataListeners({ listen: first.listen, options: listening, identifying, serverNames: first.identity.serverNames, state, onUnknown: (why) => log('process_unknown', { why }) }, data)
    opened.push(() => listeners.close(first.limits.drainTimeoutMs))

    const reload = async (): Promise<readonly Problem[]> => {
      const next = sameHouse(loadConfig(options.config, options.env), first)
      const made = isLoaded(next) ? await compose(next, household, live.epoch.serial + 1) : next
      if (!isComposed(made)) {
        metrics.reloaded(false)
        log('epoch_refused', { config: options.config, problems: made.map(problemLine) })
        return made
      }
      const before = live
      live = made
      approving.notify(live.approvals.webhooks)
      metrics.reloaded(true)
      log('epoch', { epoch: live.epoch.id, serial: live.epoch.serial, config: options.config, posture: live.epoch.posture })
      before.retire()
      await audit.act({ kind: 'act', exchange: newId(), tenant: 'default', at: clock.wall(), by: 'configuration', act: 'epoch', detail: { epoch: live.epoch.id, serial: live.epoch.serial, posture: live.epoch.posture } })
      return []
    }
    const ready = (): { ready: boolean; why: string[] } => {
      const why = [...(draining ? ['draining'] : []), ...(audit.healthy() ? [] : ['the audit record cannot be written'])]
      return { ready: why.length === 0, why }
    }
    const approving = openApproving({ desk: approvals.desk, reviewers, audit, clock, newId, adminUrl: () => adminUrl, log, metrics, onDefect: defect })
    approving.notify(live.approvals.webhooks)
    const handle = adminHandler({
      identify: admin,
      ready,
      metrics: metrics.scrape,
      routes: [
        ...adminRoutes({ keyring, audit, receipts: store.receipts, reload, clock, newId, epoch: () => live.epoch, log, revoked: identifying.revoked, forget: async (subject) => (await approvals.forget(subject)) + (await consenting.forget(subject)), judged: () => judged.today() }),
        ...identityRoutes({ roster: identifying.roster, revokedIds: identifying.revokedIds, ca: identifying.ca, audit, clock, newId, secureUrl: () => reachableUrl(listeners.secureUrl, first.identity.serverNames) }),
        ...approving.routes,
        ...consenting.routes,
        ...endorsingRoutes({ pinning, servers: () => live.mcp.servers }),
      ],
      newId,
      onDefect: defect,
    })
    const adminListener = await listen({ ...listening, ...first.listen.admin }, handle)
    opened.push(() => adminListener.close({ graceMs: 1_000 }))
    // Before the listener, so that streams of events end with a word.
    opened.push(() => approving.close())
    const adminUrl = `http://${hostText(first.listen.admin.host)}:${adminListener.port}`

    const watching = watch({ paths: () => live.files, clock, changed: async () => void (await reload()), onDefect: (error) => defect('reload', error) })
    opened.push(() => watching.stop())

    const { dataUrl, secureUrl, local } = listeners
    writeRunning(state, { pid: process.pid, admin: adminUrl, data: dataUrl })
    opened.push(() => clearRunning(state, process.pid))
    log('started', { version, data: dataUrl, admin: adminUrl, posture: live.epoch.posture, epoch: live.epoch.id, config: options.config, state, took: clock.monotonic() - began })
    if (live.practice) log('practice')
    let stopping: Promise<void> | undefined
    return {
      dataUrl,
      adminUrl,
      ...(secureUrl !== undefined && { secureUrl }),
      ...(local !== undefined && { local }),
      state,
      practice: live.practice,
      mcpServers: first.mcpServers.map(({ name }) => name),
      stop(signal) {
        draining = true
        stopping ??= (async () => {
          const at = clock.monotonic()
          log('stopping', { inflight, signal })
          watching.stop()
          // Streams that stay open end with a word: nobody waits for them.
          tooling.channels.close()
          // The admin port answers readyz with 503 while streams drain, so that balancers stop sending.
          await listeners.close(first.limits.drainTimeoutMs)
          await closeAll()
          log('stopped', { took: clock.monotonic() - at })
        })()
        return stopping
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Runs work now and each hour; gives what ends it. */
function hourly(work: () => Promise<unknown>): () => void {
  let cancel: () => void
  const again = (): void => {
    void work()
    cancel = clock.timer(3_600_000, again)
  }
  again()
  return () => cancel()
}

/** What a reload cannot change: every certificate and token of this process names the trust domain. */
function sameHouse(next: Loaded | readonly Problem[], first: Loaded): Loaded | readonly Problem[] {
  if (!isLoaded(next) || next.identity.trustDomain === first.identity.trustDomain) return next
  const path = ['identity', 'trust_domain']
  return [{ file: next.file ?? 'embedded settings', ...next.place(path), path: path.join('.'), message: 'cannot change while it runs: start it anew.' }]
}

function settingsOf(options: StartOptions): Loaded {
  const loaded = loadConfig(options.config, options.env)
  if (!isLoaded(loaded)) throw new BadSettings(loaded)
  return loaded
}

async function settled(loaded: Loaded, household: Household, serial: number): Promise<Composed> {
  const composed = await compose(loaded, household, serial)
  if (!isComposed(composed)) throw new BadSettings(composed)
  return composed
}
