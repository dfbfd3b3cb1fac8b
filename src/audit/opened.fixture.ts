import type { TestContext } from 'node:test'
import type { Payload } from '../contract/receipt.ts'
import { openEmbedded, type EmbeddedOptions } from '../store/embedded/open.ts'
import { openAudit, type AuditOptions } from './audit.ts'
import type { AuditEvent } from './events.ts'
import { folderFor, manualClock } from './sample.fixture.ts'
import { scribeFor } from './scribe.ts'
import { settleAudit, type AuditWritten } from './settings.ts'

/** A log on a clock that stands still, closed after the test. */
export async function opened(t: TestContext, more: { written?: AuditWritten; store?: Partial<EmbeddedOptions>; audit?: Partial<AuditOptions>; folder?: string } = {}) {
  const folder = more.folder ?? folderFor(t)
  const clock = manualClock()
  const events: AuditEvent[] = []
  const store = await openEmbedded({ folder, scribe: scribeFor(folder), ...more.store })
  const audit = await openAudit({ store, folder, settings: settleAudit(more.written), clock, on: (event) => events.push(event), ...more.audit })
  let closed = false
  const close = async (): Promise<number> => {
    if (closed) return 0
    closed = true
    const lost = await audit.close()
    await store.close()
    return lost
  }
  t.after(close)
  return { folder, clock, events, store, audit, close }
}

export const payload = (said: string, more: Partial<Payload> = {}): Payload => ({
  subject: 'default/key:k1',
  tenant: 'default',
  request: { from: 0, segments: [{ origin: 'user', text: said }] },
  reply: [{ origin: 'assistant', text: 'the answer' }],
  findings: [{ rule: 'email', excerpt: 'a***@e***' }],
  ...more,
})

export async function eventually(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise((resolve) => setTimeout(resolve, 5))
}
