import { generateKeyPairSync } from 'node:crypto'
import type { Clock } from '../../contract/clock.ts'
import { HOUSE_PATH } from '../spiffe.ts'
import type { Ca } from './ca.ts'

/** What the secure listener shows: PEM, as `node:tls` takes it. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

export interface HouseCertificate {
  current(): ServerCertificate
  close(): void
}

const ALWAYS = ['localhost', '127.0.0.1', '::1']
const RETRY_MS = 30_000

/**
 * The certificate of the house itself, `spiffe://<trust domain>/sallyport`, valid for `names` and this machine's own too.
 * A new one with a new key is handed to `renewed` at half-life, and as soon as another CA signs.
 */
export async function openHouseCertificate(options: {
  readonly ca: Ca
  readonly names: readonly string[]
  readonly clock: Clock
  readonly renewed: (certificate: ServerCertificate) => void
  readonly onDefect: (error: unknown) => void
}): Promise<HouseCertificate> {
  const { ca, clock, renewed, onDefect } = options
  const names = [...new Set([...options.names, ...ALWAYS])]
  const make = async (): Promise<ServerCertificate> => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const issued = await ca.issue({ publicKey: publicKey.export({ type: 'spki', format: 'der' }), id: `spiffe://${ca.trustDomain}${HOUSE_PATH}`, names })
    return { cert: issued.pem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), expires: issued.expires }
  }
  let current = await make()
  let cancel = (): void => undefined
  let closed = false
  const signer = (): string | undefined => ca.authorities().find(({ state }) => state === 'signing')?.id
  let under = signer()

  const again = async (): Promise<void> => {
    cancel()
    try {
      const made = await make()
      if (closed) return
      current = made
      under = signer()
      renewed(made)
      wait((made.expires - clock.wall()) / 2)
    } catch (error) {
      onDefect(error)
      if (!closed) wait(RETRY_MS)
    }
  }
  const wait = (ms: number): void => {
    cancel()
    cancel = clock.timer(Math.max(ms, 1000), () => void again())
  }
  const forget = ca.onChanged(() => {
    if (signer() !== under) void again()
  })
  wait((current.expires - clock.wall()) / 2)
  return {
    current: () => current,
    close() {
      closed = true
      forget()
      cancel()
    },
  }
}
