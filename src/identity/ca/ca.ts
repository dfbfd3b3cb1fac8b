import type { KeyObject } from 'node:crypto'
import type { Clock } from '../../contract/clock.ts'
import { authorityOf, caKey, idOfKey, newCaKey, selfSigned, signSvid, type Authority, type Issued, type Subject } from './authority.ts'
import { bundleOf, type Bundle } from './bundle.ts'
import { readPrivate } from '../secret.ts'
import type { SettledIdentity } from '../settings.ts'
import { openCaFolder, type CaRecord, type Tenure } from './record.ts'

export interface CaOptions {
  /** Folder of its own below the state folder. */
  readonly folder: string
  readonly settings: Pick<SettledIdentity, 'trustDomain' | 'svidTtlMs' | 'caKey'>
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onDefect: (error: unknown) => void
}

/** One CA as operators see it. */
export interface AuthorityFacts {
  readonly id: string
  readonly fingerprint: string
  /** `next`: trusted, and signs from `from` on · `signing` · `past`: trusted until its last certificate has ended. */
  readonly state: 'next' | 'signing' | 'past'
  readonly from: number
  readonly until?: number
}

export interface Ca {
  readonly trustDomain: string
  /** DER of the roots in force; the same array until they change. */
  anchors(): readonly Uint8Array[]
  /** SHA-256 of the roots in force, hexadecimal: what clients pin. */
  fingerprints(): readonly string[]
  bundle(): Bundle
  authorities(): readonly AuthorityFacts[]
  /** Issues an X.509-SVID for `svid_ttl`. @throws {Error} when the key cannot be used. */
  issue(subject: Subject): Promise<Issued>
  /**
   * Makes a new CA. It is in the bundle at once and signs after `svid_ttl`, when everybody has renewed and so has heard
   * of it; the old one stays until the last certificate that it signed has ended. `ended` gives that end for
   * certificates from before this start. `compromised`: the new one signs at once and the old ones are trusted no more.
   * @throws {CaError} when the key comes from settings, or a new CA waits already.
   */
  rotate(ended: (authority: string) => number | undefined, compromised: boolean): Promise<AuthorityFacts>
  /** Told whenever a root comes or goes, or another one signs. Gives what ends that. */
  onChanged(told: () => void): () => void
  close(): void
}

/** What the operator can do something about; the message says what. */
export class CaError extends Error {}

interface State {
  readonly record: CaRecord
  /** In the order of their beginning. */
  readonly members: readonly { readonly tenure: Tenure; readonly authority: Authority }[]
  /** Newest whose time has begun. */
  readonly signing: Authority
  readonly anchors: readonly Uint8Array[]
  readonly fingerprints: readonly string[]
  readonly bundle: Bundle
}

/** Timers cannot wait longer than 24 days, and clocks get set. */
const LOOK_AGAIN_MS = 3_600_000
const REFRESH_SHARE = 12
const MOST_MEMBERS = 8

/**
 * The house's CA, from its folder; made there at the first start.
 * @throws {Error} when a key is gone, unusable or readable by others, or the settings name another trust domain.
 */
export async function openCa({ folder: path, settings, clock, env, onDefect }: CaOptions): Promise<Ca> {
  const folder = await openCaFolder(path)
  const { trustDomain, svidTtlMs } = settings
  const refreshSeconds = Math.max(60, Math.min(3600, Math.floor(svidTtlMs / 1000 / REFRESH_SHARE)))
  const keys = new Map<string, KeyObject>()
  /** Latest end of what each CA has signed since this start. */
  const signedUntil = new Map<string, number>()
  const listeners = new Set<() => void>()

  const begun = (record: CaRecord): State => {
    const now = clock.wall()
    const members = [...record.tenures].sort((a, b) => a.from - b.from).map((tenure) => ({ tenure, authority: authorityOf(tenure.certificate) }))
    const signing = (members.findLast(({ tenure }) => tenure.from <= now) ?? members[0])?.authority
    if (signing === undefined) throw new Error('a CA without an authority')
    const inOrder = [signing, ...members.map(({ authority }) => authority).filter((one) => one !== signing)]
    return {
      record,
      members,
      signing,
      anchors: Object.freeze(inOrder.map(({ der }) => der)),
      fingerprints: Object.freeze(inOrder.map(({ fingerprint }) => fingerprint)),
      bundle: bundleOf(inOrder, record.sequence, refreshSeconds),
    }
  }

  const settle = async (record: CaRecord): Promise<State> => {
    await folder.write(record)
    return begun(record)
  }

  /** Brings in the CA of a key; those before it stay trusted until what they signed has ended. */
  const succeed = async (record: CaRecord | undefined, key: KeyObject, from: number, ends: (tenure: Tenure) => number | undefined): Promise<CaRecord> => {
    const authority = await selfSigned(key, trustDomain, clock.wall())
    const before = (record?.tenures ?? []).flatMap((tenure) => {
      const until = tenure.until ?? ends(tenure)
      // A key that comes back makes the same CA again: what it signed before leads to its new root too.
      return until === undefined || tenure.id === authority.id ? [] : [{ ...tenure, until }]
    })
    return { trustDomain, sequence: (record?.sequence ?? 0) + 1, tenures: [...before, { id: authority.id, certificate: authority.pem, from }] }
  }

  const opened = async (): Promise<State> => {
    const record = await folder.read()
    if (record !== undefined && record.trustDomain !== trustDomain) {
      throw new Error(`the CA in ${path} is that of ${record.trustDomain}, the settings say identity.trust_domain: ${trustDomain}. Set it back, or move the folder away to begin with a new CA (every workload then enrols again)`)
    }
    const now = clock.wall()
    const latest = record?.tenures.findLast((one) => one.until === undefined)
    if (settings.caKey !== undefined) {
      const key = caKey(await referenced(settings.caKey, env), `identity.ca.key (${settings.caKey})`)
      const id = idOfKey(key)
      keys.set(id, key)
      if (record !== undefined && latest?.id === id) return begun(record)
      // The key that signed until now is gone from the settings: the new one signs at once.
      return settle(await succeed(record, key, now, () => now + LONGEST_TTL_MS))
    }
    if (record === undefined) {
      const pem = newCaKey()
      const key = caKey(pem, path)
      await folder.keep(idOfKey(key), pem)
      keys.set(idOfKey(key), key)
      return settle(await succeed(undefined, key, now, () => undefined))
    }
    const state = begun(record)
    for (const { tenure } of state.members) {
      if (tenure.id !== state.signing.id && tenure.from <= now) continue
      const { pem, path: file } = await folder.key(tenure.id)
      const key = caKey(pem, file)
      if (idOfKey(key) !== tenure.id) throw new Error(`${file} holds the key of another CA`)
      keys.set(tenure.id, key)
    }
    return state
  }

  let state = await opened()
  let cancel = (): void => undefined
  let closed = false
  let turn: Promise<unknown> = Promise.resolve()
  /** One change at a time, each seeing what the one before it left. */
  const next = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work)
    turn = done.catch(() => undefined)
    return done
  }

  const become = (following: State): void => {
    const changed = following.signing.id !== state.signing.id || following.record.sequence !== state.record.sequence
    state = following
    if (changed) for (const told of listeners) told()
  }

  /** Lets go of what has ended, and changes hands when it is time. */
  const advance = async (): Promise<void> => {
    const now = clock.wall()
    const staying = state.record.tenures.filter(({ until }) => until === undefined || until > now)
    if (staying.length < state.record.tenures.length) become(await settle({ ...state.record, sequence: state.record.sequence + 1, tenures: staying }))
    else become(begun(state.record))
    for (const { tenure } of state.members) {
      if (tenure.id === state.signing.id || tenure.from > now || !keys.delete(tenure.id)) continue
      // What cannot sign any more cannot be stolen.
      if (settings.caKey === undefined) await folder.destroy(tenure.id)
    }
  }
  const wait = (): void => {
    const now = clock.wall()
    const moments = state.record.tenures.flatMap(({ from, until }) => [from, until ?? 0]).filter((at) => at > now)
    cancel = clock.timer(Math.min(LOOK_AGAIN_MS, ...moments.map((at) => at - now + 1)), () => {
      next(advance).catch(onDefect).finally(() => {
        if (!closed) wait()
      })
    })
  }
  await next(advance)
  wait()

  const factsOf = ({ tenure, authority }: State['members'][number]): AuthorityFacts => ({
    id: tenure.id,
    fingerprint: authority.fingerprint,
    state: tenure.id === state.signing.id ? 'signing' : tenure.from > clock.wall() ? 'next' : 'past',
    from: tenure.from,
    ...(tenure.until !== undefined && { until: tenure.until }),
  })

  return {
    trustDomain,
    anchors: () => state.anchors,
    fingerprints: () => state.fingerprints,
    bundle: () => state.bundle,
    authorities: () => state.members.map(factsOf),
    async issue(subject) {
      const { signing, record } = state
      const key = keys.get(signing.id)
      if (key === undefined) throw new Error(`the key of CA ${signing.id} is not here`)
      const now = clock.wall()
      const end = record.tenures.find(({ id }) => id === signing.id)?.until ?? Number.POSITIVE_INFINITY
      const issued = await signSvid({ authority: signing, key }, subject, now, Math.min(now + svidTtlMs, end))
      signedUntil.set(signing.id, Math.max(signedUntil.get(signing.id) ?? 0, issued.expires))
      return issued
    },
    rotate: (ended, compromised) =>
      next(async () => {
        if (settings.caKey !== undefined) throw new CaError('The key of the CA comes from the settings: change identity.ca.key and start again.')
        const now = clock.wall()
        if (!compromised && state.record.tenures.some(({ from }) => from > now)) throw new CaError('A new CA waits for its turn already: sallyport identity bundle shows when.')
        if (!compromised && state.record.tenures.length >= MOST_MEMBERS) throw new CaError(`${MOST_MEMBERS} CAs are trusted already: wait until the first of them has ended.`)
        const from = compromised ? now : now + svidTtlMs
        const pem = newCaKey()
        const key = caKey(pem, path)
        await folder.keep(idOfKey(key), pem)
        keys.set(idOfKey(key), key)
        const before = state.record.tenures
        const last = ({ id }: Tenure): number => Math.max(from + svidTtlMs, ended(id) ?? 0, signedUntil.get(id) ?? 0)
        become(await settle(await succeed(compromised ? { ...state.record, tenures: [] } : state.record, key, from, last)))
        if (compromised) {
          for (const { id } of before) {
            keys.delete(id)
            await folder.destroy(id)
          }
        }
        cancel()
        wait()
        return factsOf(state.members.at(-1) as State['members'][number])
      }),
    onChanged(told) {
      listeners.add(told)
      return () => void listeners.delete(told)
    },
    close() {
      closed = true
      cancel()
    },
  }
}

/** The most that `svid_ttl` may be: what a CA of an earlier start can have signed last. */
const LONGEST_TTL_MS = 24 * 3_600_000

async function referenced(reference: string, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const at = reference.slice(reference.indexOf(':') + 1)
  if (reference.startsWith('file:')) {
    const text = await readPrivate(at)
    if (text === undefined) throw new Error(`identity.ca.key: there is no file ${at}`)
    return text
  }
  const text = env[at]
  if (text === undefined || text === '') throw new Error(`identity.ca.key: the environment variable ${at} is not set`)
  return text
}
