import { createHash, generateKeyPair, randomBytes, sign, X509Certificate, createPrivateKey } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { request as overHttp, type IncomingMessage } from 'node:http'
import { request as overHttps } from 'node:https'
import { join } from 'node:path'
import type { PeerCertificate } from 'node:tls'
import { promisify } from 'node:util'

/**
 * The workload identity of this program: a certificate of Sallyport's CA (an X.509-SVID) that is renewed by itself.
 * Needs nothing but Node.
 *
 *     const identity = await openIdentity({ token })            // enrols, and renews at half-life
 *     const identity = await openIdentity({ folder: '/run/id' }) // what `sallyport agent --folder /run/id` keeps there
 *     https.request({ ...identity.tls(), host, path })
 *     identity.on('rotated', () => …)
 */

export interface IdentityOptions {
  /** Where the identity is kept, so that it outlives the process; absent = in memory. */
  readonly folder?: string
  /** An enrolment token (`sallyport identity token`); used where the folder holds no identity that is still good. */
  readonly token?: string
  /** Of the secure listener, without a path; the token's own where nothing is said. */
  readonly url?: string
  /** Whether to renew: true where a token or a URL is given. Otherwise the folder is watched for what others renew. */
  readonly renew?: boolean
  readonly signal?: AbortSignal
}

/** PEM, as `node:tls` takes it. */
export interface TlsOptions {
  readonly cert: string
  readonly key: string
  /** Roots of the trust domain. */
  readonly ca: string
  /** Whoever answers must be the house: any other workload of the trust domain has a certificate of these roots too. */
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined
}

interface Kept {
  readonly url: string
  readonly id: string
  readonly svid: string
  readonly key: string
  readonly bundle: string
  /** Milliseconds since the Unix epoch. */
  readonly expires: number
}

/**
 * Why there is no identity, or no new one. `code` is one of docs/errors.md, or of the client's own: `bad_token`,
 * `wrong_house`, `no_identity`, `expired`, `insecure`, `unreachable`, `timeout`, `unreadable`, `aborted`.
 */
export class IdentityError extends Error {
  readonly code: string
  /** 0 where no answer came. */
  readonly status: number
  /** Finds the receipt; undefined where no answer came. */
  readonly id: string | undefined
  constructor(code: string, message: string, more: { readonly status?: number; readonly id?: string; readonly cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'IdentityError'
    this.code = code
    this.status = more.status ?? 0
    this.id = more.id
  }
}

interface Events {
  /** There is a new certificate: connections that are made from now on should use it. */
  rotated: []
  /** Renewal failed and is tried again; `ended` follows where that makes no sense any more. */
  failed: [error: IdentityError]
  /** The identity was revoked or has expired: enrol again with a new token. */
  ended: [error: IdentityError]
}

const HALF = 0.5
/** Share of the half-life by which clients are spread, so that those that started together do not renew together. */
const JITTER = 0.1
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 300_000
/** Machines sleep and clocks get set: no wait is longer than this. */
const LOOK_AGAIN_MS = 30_000
const FOLLOW_MS = 5_000
const TIMEOUT_MS = 15_000
const MOST_BYTES = 256 * 1024
const FILE = 'identity.json'
/** What cannot become good by asking again. */
const FINAL: ReadonlySet<string> = new Set(['revoked', 'expired', 'unauthenticated', 'insecure'])

/**
 * Opens the identity of this program, enrolling it where need be.
 * @throws {IdentityError}
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { folder, token, url, signal } = options
  const known = folder === undefined ? undefined : await read(folder)
  const good = known !== undefined && known.expires > Date.now() ? known : undefined
  const renew = options.renew ?? (token !== undefined || url !== undefined)
  if (good !== undefined) {
    const kept = url === undefined ? good : { ...good, url: bare(url) }
    if (folder !== undefined && renew) await write(folder, kept)
    return new Identity(kept, folder, renew)
  }
  if (token === undefined) {
    if (known !== undefined) throw new IdentityError('expired', `The identity in ${folder} ended ${new Date(known.expires).toISOString()}: enrol again with a new token.`)
    throw new IdentityError('no_identity', folder === undefined ? 'Neither a folder nor a token was given.' : `There is no identity in ${folder}.`)
  }
  const kept = await enrol(token, url, signal)
  if (folder !== undefined) await write(folder, kept)
  return new Identity(kept, folder, true)
}

/** Made by `openIdentity`. Never keeps the process alive. */
export class Identity extends EventEmitter<Events> {
  #kept: Kept
  readonly #folder: string | undefined
  readonly #leaving = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #renewAt: number
  #pause = FIRST_PAUSE_MS

  constructor(kept: Kept, folder: string | undefined, renew: boolean) {
    super()
    this.#kept = kept
    this.#folder = folder
    this.#renewAt = dueAt(kept, Date.now())
    if (renew) this.#wait()
    else if (folder !== undefined) this.#follow(folder)
  }

  /** SPIFFE id. */
  get id(): string {
    return this.#kept.id
  }

  /** Milliseconds since the Unix epoch at which the current certificate ends. */
  get expires(): number {
    return this.#kept.expires
  }

  /** When renewal is tried next. */
  get renews(): number {
    return this.#renewAt
  }

  /** Of the secure listener. */
  get url(): string {
    return this.#kept.url
  }

  /** For connections that are made now. */
  tls(): TlsOptions {
    const { svid, key, bundle, id } = this.#kept
    return { cert: svid, key, ca: bundle, checkServerIdentity: houseOf(trustDomainOf(id)) }
  }

  /** Renews now. @throws {IdentityError} */
  async renew(): Promise<void> {
    const kept = await renewed(this.#kept, this.#leaving.signal)
    if (this.#folder !== undefined) await write(this.#folder, kept)
    this.#take(kept)
  }

  close(): void {
    this.#leaving.abort()
    clearTimeout(this.#timer)
  }

  #take(kept: Kept): void {
    this.#kept = kept
    this.#pause = FIRST_PAUSE_MS
    this.#renewAt = dueAt(kept, Date.now())
    this.emit('rotated')
  }

  #wait(): void {
    if (this.#leaving.signal.aborted) return
    this.#timer = setTimeout(() => void this.#turn(), Math.max(0, Math.min(LOOK_AGAIN_MS, this.#renewAt - Date.now())))
    this.#timer.unref()
  }

  async #turn(): Promise<void> {
    if (Date.now() < this.#renewAt) return this.#wait()
    try {
      await this.renew()
    } catch (error) {
      if (this.#leaving.signal.aborted) return
      const failure = error instanceof IdentityError ? error : new IdentityError('unreadable', (error as Error).message, { cause: error })
      this.emit('failed', failure)
      const ended = Date.now() >= this.#kept.expires ? new IdentityError('expired', 'The certificate ended before it could be renewed: enrol again with a new token.', { cause: failure }) : failure
      if (FINAL.has(ended.code)) {
        this.emit('ended', ended)
        return
      }
      this.#renewAt = Date.now() + this.#pause * (1 - Math.random() / 2)
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS)
    }
    this.#wait()
  }

  #follow(folder: string): void {
    const look = async (): Promise<void> => {
      const kept = await read(folder).catch(() => undefined)
      if (this.#leaving.signal.aborted) return
      if (kept !== undefined && kept.svid !== this.#kept.svid) this.#take(kept)
      again()
    }
    const again = (): void => {
      this.#timer = setTimeout(() => void look(), FOLLOW_MS)
      this.#timer.unref()
    }
    again()
  }
}

/** From the moment that it was handed out: a certificate's own beginning lies a minute before that. */
function dueAt({ expires }: Kept, now: number): number {
  return now + (expires - now) * (HALF + JITTER * (Math.random() - HALF))
}

interface Token {
  readonly aud: string
  readonly url: string
  readonly ca: readonly string[]
  readonly exp: number
}

async function enrol(text: string, asked: string | undefined, signal: AbortSignal | undefined): Promise<Kept> {
  const token = tokenOf(text.trim())
  const trustDomain = token.aud.split('/')[0] ?? ''
  const url = bare(asked ?? token.url)
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)) throw new IdentityError('insecure', `The token would travel in the clear to ${hostname}: use an https address.`)
  const call = { url, signal }
  // Nothing is believed of this first answer but what has the fingerprint that the token names.
  const offered = protocol === 'https:' ? rootsOf(await ask({ ...call, path: '/identity/bundle', tls: { rejectUnauthorized: false } })) : []
  const pinned = offered.filter((root) => token.ca.includes(fingerprintOf(root)))
  if (protocol === 'https:' && pinned.length === 0) throw new IdentityError('wrong_house', `What answers at ${url} is not the house that made this token.`)
  const { key, csr } = await newRequest()
  const tls = { ca: pinned.map((root) => root.toString()).join(''), checkServerIdentity: houseOf(trustDomain) }
  const kept = keptOf(url, key, await ask({ ...call, path: '/identity/enrol', body: { token: text.trim(), csr }, tls }))
  if (!pemsOf(kept.bundle).some((root) => token.ca.includes(fingerprintOf(root)))) throw new IdentityError('wrong_house', `What answered at ${url} is not the house that made this token.`)
  if (trustDomainOf(kept.id) !== trustDomain) throw new IdentityError('wrong_house', `${kept.id} is not of ${trustDomain}.`)
  return kept
}

async function renewed(kept: Kept, signal: AbortSignal): Promise<Kept> {
  if (!kept.url.startsWith('https:')) throw new IdentityError('insecure', 'Renewal shows the certificate in a TLS handshake: give the https address of the secure listener.')
  const { key, csr } = await newRequest()
  const tls = { cert: kept.svid, key: kept.key, ca: kept.bundle, checkServerIdentity: houseOf(trustDomainOf(kept.id)) }
  const next = keptOf(kept.url, key, await ask({ url: kept.url, signal, path: '/identity/renew', body: { csr }, tls }))
  if (next.id !== kept.id) throw new IdentityError('unreadable', `The answer is for ${next.id}, not for ${kept.id}.`)
  return next
}

function tokenOf(text: string): Token {
  try {
    if (!text.startsWith('spe_')) throw new Error('no token')
    const said = JSON.parse(Buffer.from(text.slice(4), 'base64url').toString('utf8')) as Partial<Token>
    const { aud, url, ca, exp } = said
    if (typeof aud !== 'string' || typeof url !== 'string' || !URL.canParse(url) || !Array.isArray(ca) || typeof exp !== 'number') throw new Error('no token')
    return { aud, url, ca, exp }
  } catch (cause) {
    throw new IdentityError('bad_token', 'That is no enrolment token: it begins with spe_ and is one word.', { cause })
  }
}

/** What the house handed out, if it is for this key and all of it fits together. */
function keptOf(url: string, key: string, said: Record<string, unknown>): Kept {
  const { svid, bundle, expires } = said
  if (typeof svid !== 'string' || typeof bundle !== 'string' || typeof expires !== 'number') throw unreadable()
  const [leaf] = pemsOf(svid)
  const id = leaf === undefined ? undefined : uriOf(leaf.subjectAltName)
  if (leaf === undefined || id === undefined) throw unreadable()
  if (!leaf.checkPrivateKey(createPrivateKey(key)) || !pemsOf(bundle).some((root) => leaf.verify(root.publicKey))) throw unreadable()
  return { url, id, svid, key, bundle, expires: Math.min(expires, leaf.validToDate.getTime()) }
}

function uriOf(names: string | undefined): string | undefined {
  const uris = (names ?? '').split(', ').filter((name) => name.startsWith('URI:'))
  return uris.length === 1 ? uris[0]?.slice(4) : undefined
}

function trustDomainOf(id: string): string {
  return id.split('/')[2] ?? ''
}

function houseOf(trustDomain: string): TlsOptions['checkServerIdentity'] {
  const house = `spiffe://${trustDomain}/sallyport`
  return (host, { subjectaltname }) => (uriOf(subjectaltname) === house ? undefined : new Error(`what answers at ${host} is not ${house}`))
}

function fingerprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex')
}

function rootsOf(bundle: Record<string, unknown>): X509Certificate[] {
  const { keys } = bundle
  if (!Array.isArray(keys)) throw unreadable()
  try {
    return keys.flatMap((one: unknown) => {
      const { use, x5c } = one as { readonly use?: unknown; readonly x5c?: readonly string[] }
      return use === 'x509-svid' && x5c?.[0] !== undefined ? [new X509Certificate(Buffer.from(x5c[0], 'base64'))] : []
    })
  } catch (cause) {
    throw unreadable(cause)
  }
}

function pemsOf(text: string): X509Certificate[] {
  try {
    return (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((pem) => new X509Certificate(pem))
  } catch (cause) {
    throw unreadable(cause)
  }
}

function unreadable(cause?: unknown): IdentityError {
  return new IdentityError('unreadable', 'What answered is not a Sallyport, or not one that this client understands.', { cause })
}

interface Call {
  readonly url: string
  readonly path: string
  readonly body?: object
  readonly tls: object
  readonly signal: AbortSignal | undefined
}

/** One call over a connection of its own. @throws {IdentityError} */
async function ask({ url, path, body, tls, signal }: Call): Promise<Record<string, unknown>> {
  const late = AbortSignal.timeout(TIMEOUT_MS)
  const text = body === undefined ? '' : JSON.stringify(body)
  let reply: { readonly status: number; readonly text: string }
  try {
    reply = await new Promise((resolve, reject) => {
      const target = new URL(url + path)
      const options = {
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) },
        agent: false,
        signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      } as const
      const answered = (message: IncomingMessage): void => void whole(message).then((all) => resolve({ status: message.statusCode ?? 0, text: all }), reject)
      const sending = target.protocol === 'https:' ? overHttps(target, { ...options, ...tls }, answered) : overHttp(target, options, answered)
      sending.on('error', reject)
      sending.end(text)
    })
  } catch (cause) {
    if (cause instanceof IdentityError) throw cause
    if (signal?.aborted === true) throw new IdentityError('aborted', 'The call was called off.', { cause })
    if (late.aborted) throw new IdentityError('timeout', `No answer from ${url} within ${TIMEOUT_MS / 1000} seconds.`, { cause })
    throw new IdentityError('unreachable', `${url} cannot be reached: ${(cause as Error).message}`, { cause })
  }
  const said = parsed(reply.text)
  if (reply.status === 200 && said !== undefined) return said
  const error = said?.['error'] as { readonly code?: unknown; readonly message?: unknown; readonly id?: unknown } | undefined
  if (typeof error?.code !== 'string') throw unreadable()
  throw new IdentityError(error.code, typeof error.message === 'string' ? error.message : error.code, { status: reply.status, ...(typeof error.id === 'string' && { id: error.id }) })
}

async function whole(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of message as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > MOST_BYTES) {
      message.destroy()
      throw unreadable()
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function bare(url: string): string {
  if (!URL.canParse(url)) throw new IdentityError('unreachable', `"${url}" is no URL.`)
  return url.replace(/\/+$/, '')
}

const newKeyPair = promisify(generateKeyPair)
const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const head = body.length < 0x80 ? [tag, body.length] : body.length < 0x100 ? [tag, 0x81, body.length] : [tag, 0x82, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Uint8Array.from(head), body])
}
/** ecdsa-with-SHA256 (RFC 5758). */
const ECDSA_SHA256 = der(0x30, der(0x06, Uint8Array.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])))

/** A new key, and a request (RFC 2986) that names it and nothing else: the house says whom it is for. */
async function newRequest(): Promise<{ readonly key: string; readonly csr: string }> {
  const { privateKey, publicKey } = await newKeyPair('ec', { namedCurve: 'P-256' })
  const info = der(0x30, der(0x02, Uint8Array.of(0)), der(0x30), publicKey.export({ type: 'spki', format: 'der' }), der(0xa0))
  const whole = der(0x30, info, ECDSA_SHA256, der(0x03, Uint8Array.of(0), sign('sha256', info, privateKey)))
  const lines = whole.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    csr: `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`,
  }
}

async function read(folder: string): Promise<Kept | undefined> {
  let text: string
  try {
    text = await readFile(join(folder, FILE), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new IdentityError('no_identity', `${join(folder, FILE)} cannot be read: ${(cause as Error).message}`, { cause })
  }
  const said = parsed(text)
  if (said === undefined || typeof said['url'] !== 'string' || typeof said['key'] !== 'string') throw new IdentityError('no_identity', `${join(folder, FILE)} holds no identity: take it away and enrol again.`)
  return keptOf(said['url'], said['key'], said)
}

/**
 * `identity.json` holds everything and is replaced in one step, so that a crash never parts a certificate from its key;
 * the PEM files for other programs are made from it, the key before its certificate.
 */
async function write(folder: string, kept: Kept): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await replace(join(folder, FILE), `${JSON.stringify(kept)}\n`, 0o600)
  await replace(join(folder, 'bundle.pem'), kept.bundle, 0o644)
  await replace(join(folder, 'key.pem'), kept.key, 0o600)
  await replace(join(folder, 'svid.pem'), kept.svid, 0o644)
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(draft, text, { mode, flag: 'wx', flush: true })
    await chmod(draft, mode)
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}
