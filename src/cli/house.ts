import { readFile } from 'node:fs/promises'
import { openAudit, type AuditLog } from '../audit/audit.ts'
import { scribeFor } from '../audit/scribe.ts'
import { findConfig, isLoaded, loadConfig, type Loaded } from '../config/load.ts'
import { problemLine } from '../config/problem.ts'
import { makeStateFolder, readRunning, stateFiles, stateFolder, type Running } from '../config/state.ts'
import type { Act } from '../contract/receipt.ts'
import { systemClock } from '../edge/clock.ts'
import { uuid7Maker } from '../formats/ids.ts'
import { openKeyring, type Keyring } from '../identity/keyring.ts'
import { openReviewers, type Reviewers } from '../identity/reviewers.ts'
import { openSecret } from '../identity/secret.ts'
import { openEmbedded } from '../store/embedded/open.ts'
import { StoreError, type Store } from '../store/interfaces.ts'
import { Failure, type Io } from './command.ts'

/** The state folder that this command is about. @throws {Failure} when the environment names an impossible one. */
export function folderOf(io: Io): string {
  try {
    return stateFolder(io.env)
  } catch (error) {
    throw new Failure((error as Error).message)
  }
}

/** The instance that runs on the state folder, if any. */
export function runningOf(folder: string): Running | undefined {
  try {
    return readRunning(folder)
  } catch (error) {
    throw new Failure((error as Error).message)
  }
}

/** Speaks to the admin port of a running instance. */
export type Admin = (verb: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => Promise<unknown>

const longest = 16 * 1024 * 1024

/** A refusal of the instance itself, with the code that it gave, if any. */
export class AdminRefusal extends Failure {
  readonly code: string | undefined
  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** The administrator's key of a state folder. @throws {Failure} for anybody but the user that runs sallyport. */
export async function adminKeyOf(folder: string): Promise<string> {
  const file = stateFiles(folder).adminKey
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch {
    throw new Failure(`the admin key cannot be read from ${file}: run this as the user that runs sallyport`)
  }
}

/**
 * The admin port of what runs on a state folder; `patience` in milliseconds.
 * @throws {Failure} from every call that did not succeed, with the instance's own sentence.
 */
export async function adminOf(folder: string, running: Running, patience?: number): Promise<Admin> {
  return adminAt(running.admin, await adminKeyOf(folder), `the instance at ${running.admin} (process ${running.pid})`, patience)
}

/** The admin port at a URL, with any key that opens it; `name` is what messages call the instance, `patience` is in milliseconds. */
export function adminAt(url: string, key: string, name: string, patience = 30_000): Admin {
  return async (verb, path, body) => {
    let reply: Response
    try {
      reply = await fetch(new URL(`/api/${path}`, url), {
        method: verb,
        headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(patience),
      })
    } catch (error) {
      throw unanswered(name, error)
    }
    const text = await reply.text()
    if (text.length > longest) throw new Failure('the instance answered with too much')
    const answer = parsed(text)
    if (reply.ok && answer !== undefined) return answer
    throw refusedBy(name, reply.status, answer)
  }
}

/** The instance is not there, or went away. */
export class Unanswered extends Failure {}

export function unanswered(name: string, error: unknown): Unanswered {
  const { cause } = error as { cause?: { code?: string } }
  return new Unanswered(`${name} does not answer${error instanceof DOMException && error.name === 'TimeoutError' ? ' in time' : `: ${cause?.code ?? (error as Error).message}`}`)
}

export function refusedBy(name: string, status: number, answer: unknown): AdminRefusal {
  const { code, message } = (answer as { error?: { code?: unknown; message?: unknown } } | undefined)?.error ?? {}
  return new AdminRefusal(`${name} refused: ${typeof message === 'string' ? message : `status ${status}`}`, typeof code === 'string' ? code : undefined)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The store of a state folder for reading; works beside a running instance.
 * @throws {Failure} when nothing was ever stored there.
 */
export async function readingStore<T>(io: Io, use: (store: Store, folder: string) => Promise<T>): Promise<T> {
  const folder = folderOf(io)
  const store = await opened(openEmbedded({ folder, readOnly: true }))
  try {
    return await use(store, folder)
  } finally {
    await store.close()
  }
}

/** The house without its listeners, for an operator's act while no instance runs. */
export interface Workshop {
  readonly keyring: Keyring
  readonly reviewers: Reviewers
  readonly audit: AuditLog
  /** Erases what approvals keep of a subject; gives how many. @throws {StoreError} `held` */
  readonly forget: (subject: string) => Promise<number>
}

/** @throws {Failure} when another process writes the state, or the settings are wrong. */
export async function workshop<T>(io: Io, use: (workshop: Workshop) => Promise<T>): Promise<T> {
  const folder = folderOf(io)
  const { audit: settings } = settingsOf(io)
  makeStateFolder(folder)
  const store = await opened(openEmbedded({ folder, scribe: scribeFor(folder) }))
  const { to } = settings.checkpoints
  // Loaded only where it is needed: an HTTP client is the slowest thing to load here.
  const dialer = to.kind === 'url' ? (await import('../edge/dial/dialer.ts')).makeDialer({ origins: [{ origin: new URL(to.url).origin, allowPrivate: true }] }) : undefined
  try {
    const audit = await openAudit({ store, folder, settings, clock: systemClock, ...(dialer !== undefined && { dial: dialer.dial }) })
    try {
      const parts = { keys: store.keys, secret: await openSecret(stateFiles(folder).keySecret), clock: systemClock }
      return await use({ keyring: await openKeyring(parts), reviewers: await openReviewers(parts), audit, forget: async (subject) => (await store.approvals.forget(subject, systemClock.wall())).length })
    } finally {
      const lost = await audit.close()
      if (lost > 0) io.err(`sallyport: ${lost} audit records could not be written\n`)
    }
  } finally {
    await store.close()
    await dialer?.close()
  }
}

/** The settings that an instance would start with here. @throws {Failure} when they are wrong. */
export function settingsOf(io: Io): Loaded {
  const loaded = loadConfig(findConfig(io.cwd, io.env), io.env)
  if (isLoaded(loaded)) return loaded
  throw new Failure(`the settings are wrong; see: sallyport check\n${loaded.map(problemLine).join('\n')}`)
}

/** Who acts, for the audit record. */
export function operatorOf(io: Io): string {
  return `cli:${io.env['USER'] ?? io.env['USERNAME'] ?? String(process.getuid?.() ?? 'unknown')}`
}

const newId = uuid7Maker(() => systemClock.wall())

/** An operator's act, for the audit record. */
export function actOf(io: Io, act: string, tenant: string, detail: Act['detail']): Act {
  return { kind: 'act', exchange: newId(), tenant, at: systemClock.wall(), by: operatorOf(io), act, detail }
}

async function opened(opening: Promise<Store>): Promise<Store> {
  try {
    return await opening
  } catch (error) {
    if (error instanceof StoreError) throw new Failure(`${error.message}${error.fault === 'io' ? '. Start it with: sallyport up' : ''}`)
    throw error
  }
}
