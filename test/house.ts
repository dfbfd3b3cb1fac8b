import { mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start, type Started } from '../src/main.ts'
import { startPractice, type PracticeServer } from './practice.ts'

export interface TestHouse {
  readonly dataUrl: string
  readonly adminUrl: string
  /** Where `listen.secure` is, if it is. */
  readonly secureUrl: string
  readonly state: string
  readonly folder: string
  /** A key of the default tenant, made over the admin port. */
  readonly key: string
  readonly practice: PracticeServer
  readonly logs: string[]
  /** Calls the admin API. @throws when it answers an error. */
  admin(verb: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<never>
  newKey(spec: Readonly<Record<string, unknown>>): Promise<string>
  /** A chat call as raw as fetch allows. */
  chat(text: string, more?: Readonly<Record<string, unknown>>, key?: string): Promise<Response>
  /** Receipts so far, oldest first. */
  receipts(): Promise<readonly Record<string, never>[]>
  stop(): Promise<void>
}

export interface HouseOptions {
  /** Where callers connect, where the settings must know the port before. */
  readonly data?: string
  /** More of `listen`, such as `secure: "127.0.0.1:0"`. */
  readonly listen?: string
  /** Settings as YAML, told where the simulated provider listens; `listen` is added. */
  readonly config?: (at: { readonly practiceUrl: string; readonly folder: string }) => string
  readonly env?: Readonly<Record<string, string>>
  readonly script?: PracticeServer['script']
  readonly gapMs?: number
}

/** The whole firewall on free loopback ports with a state folder of its own, in front of a simulated provider. */
export async function startHouse(options: HouseOptions = {}): Promise<TestHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'))
  const practice = await startPractice(options.script, options.gapMs)
  const logs: string[] = []
  let started: Started
  try {
    const file = join(folder, 'sallyport.yaml')
    writeFileSync(file, `listen: { data: "${options.data ?? '127.0.0.1:0'}", admin: "127.0.0.1:0"${options.listen === undefined ? '' : `, ${options.listen}`} }\n${options.config?.({ practiceUrl: practice.url, folder }) ?? ''}`)
    const env = { SALLYPORT_HOME: join(folder, 'state'), PRACTICE_KEY: 'practice-credential', ...options.env }
    started = await start({ config: file, env, log: (line) => void logs.push(line), terminal: false })
  } catch (error) {
    await practice.stop()
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  const adminKey = readFileSync(join(started.state, 'admin.key'), 'utf8').trim()
  const admin = async (verb: string, path: string, body?: unknown): Promise<never> => {
    const reply = await fetch(`${started.adminUrl}/api/${path}`, {
      method: verb,
      headers: { authorization: `Bearer ${adminKey}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const said: unknown = await reply.json()
    if (!reply.ok) throw new Error(`${reply.status} ${JSON.stringify(said)}`)
    return said as never
  }
  const newKey = async (spec: Readonly<Record<string, unknown>>): Promise<string> => ((await admin('POST', 'keys', spec)) as { key: string }).key
  const key = await newKey({ name: 'test' })
  return {
    dataUrl: started.dataUrl,
    adminUrl: started.adminUrl,
    secureUrl: started.secureUrl ?? '',
    state: started.state,
    folder,
    key,
    practice,
    logs,
    admin,
    newKey,
    chat: (text, more = {}, as = key) =>
      fetch(`${started.dataUrl}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${as}` },
        body: JSON.stringify({ model: 'practice', messages: [{ role: 'user', content: text }], ...more }),
      }),
    receipts: async () => ((await admin('GET', 'receipts')) as { receipts: Record<string, never>[] }).receipts,
    async stop() {
      await started.stop('test')
      await practice.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
