import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestHouse } from './house.ts'

/** What tests look at in a receipt. */
export interface Seal {
  readonly exchange: string
  readonly parent?: string
  readonly tenant: string
  readonly workload: string
  readonly action: string
  readonly outcome: string
  readonly verdict: string
  readonly code?: string
  readonly step?: string
  readonly status?: number
  readonly cost?: number
  readonly model?: string
  readonly epoch: string
  readonly reused: number
  readonly usage: { readonly input: number; readonly output: number }
  readonly attempts: readonly { readonly candidate: string; readonly role: string; readonly outcome: string; readonly cost?: number; readonly usage: { readonly input: number; readonly output: number } }[]
}

/** Asks again until there is an answer; gives up loudly, so that a test never hangs. */
export async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>, tries = 400): Promise<T> {
  for (let left = tries; left > 0; left--) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`never came: ${what}`)
}

/** A port of this machine that was free a moment ago, for settings that must name it. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Newest receipts, oldest first, of one tenant or of all. */
export async function seals(house: TestHouse, tenant?: string): Promise<readonly Seal[]> {
  const said: unknown = await house.admin('GET', `receipts?limit=1000${tenant === undefined ? '' : `&tenant=${tenant}`}`)
  return (said as { receipts: Seal[] }).receipts
}

/** The receipt that a correlation id finds. A receipt is written behind the answer, so it may come a moment later. */
export function sealOf(house: TestHouse, id: string | null): Promise<Seal> {
  assert.ok(id !== null && id !== '', 'an answer carries x-sallyport-id')
  return until(`a receipt for ${id}`, async () => (await seals(house)).find((one) => one.exchange === id))
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
  readonly id: string | null
}

/** Writes bytes to a port as they are and reads until the other side closes, or says everything that it announced. */
export function raw(url: string, pieces: readonly (string | Uint8Array)[], gapMs = 0): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) })
    const chunks: Buffer[] = []
    const answer = (): RawAnswer | undefined => {
      const all = Buffer.concat(chunks).toString('latin1')
      const end = all.indexOf('\r\n\r\n')
      if (end < 0) return undefined
      const head = all.slice(0, end)
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? Number.NaN)
      const body = all.slice(end + 4)
      if (body.length < length) return undefined
      return { status: Number(head.split(' ')[1]), head, body, id: /^x-sallyport-id: (\S+)$/im.exec(head)?.[1] ?? null }
    }
    const done = (): void => {
      const found = answer()
      socket.destroy()
      if (found === undefined) reject(new Error(`no answer: ${Buffer.concat(chunks).toString('latin1')}`))
      else resolve(found)
    }
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      const found = answer()
      if (found !== undefined && /content-length/i.test(found.head)) done()
    })
    socket.on('close', done)
    socket.on('error', () => undefined)
    const send = async (): Promise<void> => {
      for (const piece of pieces) {
        if (socket.destroyed) return
        socket.write(piece)
        if (gapMs > 0) await new Promise((next) => setTimeout(next, gapMs))
      }
    }
    socket.on('connect', () => void send())
  })
}

/** The frames of an event stream: name and data, data as text. */
export function framesOf(text: string): readonly { readonly event?: string; readonly data: string }[] {
  return text
    .split('\n\n')
    .filter((block) => block.trim() !== '')
    .flatMap((block) => {
      const lines = block.split('\n')
      const event = lines.find((line) => line.startsWith('event: '))?.slice(7)
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart())
      return data.length === 0 ? [] : [{ ...(event !== undefined && { event }), data: data.join('\n') }]
    })
}

const root = join(import.meta.dirname, '..')

export interface Finished {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the command line on a state folder, as a person would. */
export function sallyport(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'bin/sallyport.js'), ...args], { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
  })
}
