import { openEmbedded } from '../store/embedded/open.ts'
import { openAudit } from './audit.ts'
import { intentOf, receiptOf } from './sample.fixture.ts'
import { scribeFor } from './scribe.ts'
import { settleAudit } from './settings.ts'

/** Run by kill.test.ts: writes until it is killed, and names on stdout each record once it was acknowledged. */

const [folder = '', round = ''] = process.argv.slice(2)
const store = await openEmbedded({ folder, scribe: scribeFor(folder) })
const audit = await openAudit({
  store,
  folder,
  settings: settleAudit({ checkpoints: { every: '20ms' } }),
  clock: {
    wall: () => Date.now(),
    monotonic: () => performance.now(),
    timer(ms, fire) {
      const timer = setTimeout(fire, ms)
      return () => clearTimeout(timer)
    },
  },
})

async function lane(name: string): Promise<never> {
  for (let n = 0; ; n++) {
    const id = `${round}-${name}-${n}`
    await audit.intent(intentOf(id), [{ key: 'default|key|k1', window: 0, requests: 1, tokens: 1, cost: 1 }])
    process.stdout.write(`intent ${id}\n`)
    await audit.receipt(receiptOf(id, { at: Date.now() }), { subject: 'default/key:k1', tenant: 'default', request: `said in ${id}` })
    process.stdout.write(`receipt ${id}\n`)
  }
}

await Promise.all(Array.from({ length: 32 }, (_, n) => lane(String(n))))
