import * as z from 'zod'
import type { Limits } from '../../contract/program.ts'
import { addressClass, normalHost } from '../../formats/hostnames.ts'
import { BYTES, DURATION, durationMs, sizeBytes } from '../../formats/units.ts'
import { oauthSchema, settleOAuth, type OAuthSettings } from './oauth/settings.ts'

const REFERENCE = /^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/
/** A reference behind the word that its scheme asks for. */
const CREDENTIAL = /^(?:(Bearer|Basic|Token) )?(env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/
const HEADER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/
/** Headers that are a credential whatever they hold: one written out does not belong into a settings file. */
const SECRET = /^(?:authorization|proxy-authorization|cookie|x-api-key|api-key)$|token|secret/i
const NOT_OURS: ReadonlySet<string> = new Set(['host', 'connection', 'content-length', 'content-type', 'content-encoding', 'accept', 'accept-encoding', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'expect', 'keep-alive', 'origin', 'mcp-session-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name'])

const duration = z.string().regex(DURATION, 'expected a duration such as 500ms, 10s, 5m or 1h')
const size = z.string().regex(BYTES, 'expected a size such as 64KB, 10MB or 1GB').refine((text) => !BYTES.test(text) || sizeBytes(text) >= 1024, 'expected at least 1KB')
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'expected letters, digits, _ and -')
/** NUL would end it early, where the operating system reads it. */
const text = z.string().max(32_768).regex(/^[^\0]*$/, 'must not hold a NUL')

const paths = z.array(text.min(1)).max(256)
const count = (most: number) => z.int().min(1).max(most)

const limits = z.strictObject({
  memory: size.optional().describe('Memory of all its processes together; one that takes more is ended. Default: 1GB.'),
  processes: count(65_536).optional().describe('Processes at once. Default: 64.'),
  files: count(1_048_576).optional().describe('Files that one process may have open. Default: 1024.'),
  file_size: size.optional().describe('Largest file that it may write. Default: 1GB.'),
  cpu: duration.optional().describe('Time on a processor that one of its processes may use in its life, in whole seconds. Default: no end.'),
})

const server = z
  .strictObject({
    command: text.min(1).optional().describe('A program that is the server, spoken to over its standard streams. It is started without a shell.'),
    args: z.array(text).max(256).optional().describe('Its arguments.'),
    env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected the name of a variable'), text).optional().describe('Its environment, besides PATH and a HOME of its own; nothing else is handed on. `env:NAME` and `file:/path` are read when it starts.'),
    cwd: text.min(1).optional().describe('The folder it runs in; relative to the configuration file. Default: a folder of its own in the state folder.'),
    sandbox: z.enum(['auto', 'required', 'off']).optional().describe('Whether it runs in a sandbox (bubblewrap) in which it sees the system, its own package and its own folders, and nothing else: auto where this machine can, required or not at all, off never. Default: auto.'),
    network: z.boolean().optional().describe('Whether it reaches the network, in a sandbox. Default: false.'),
    read: paths.optional().describe('Files and folders that it may read, in a sandbox; relative to the configuration file.'),
    write: paths.optional().describe('Files and folders that it may change, in a sandbox; relative to the configuration file. Its `cwd` is one.'),
    limits: limits.optional().describe('What it may use up.'),
    url: z.url({ protocol: /^https?$/, error: 'expected an https address, such as https://mcp.example.com/mcp' }).max(2000).optional().describe('A server that speaks streamable HTTP, in place of a command.'),
    headers: z.record(z.string().regex(HEADER, 'is not a header name'), z.string().regex(/^[\t\x20-\x7e]{1,1000}$/, 'must be printable ASCII')).optional().describe('Header fields that it is sent. Credentials are references: `env:NAME`, `file:/path`, or `Bearer env:NAME`.'),
    oauth: oauthSchema.optional(),
    ca: text.min(1).optional().describe('File with the PEM certificates that are trusted for its URL instead of the system\'s.'),
    transport: z.enum(['auto', 'http', 'sse']).optional().describe('How its URL is spoken to: http (streamable HTTP), sse (HTTP+SSE, of 2024), or auto, which tries the first and then the second. Default: auto.'),
    asks: z.array(z.enum(['sampling', 'elicitation', 'roots'])).max(3).optional().describe('What it may ask of its callers at all: to let their model write something (sampling), to ask their user (elicitation), to name their folders (roots). Policy decides about each question besides, and permits none by default. Default: nothing.'),
    connection: z.enum(['shared', 'principal']).optional().describe('Whether all callers share one connection (for a command: one process), or each principal has its own. Default: shared, but principal where `asks` names anything: on a shared one, a question is asked only while it can be about one caller alone.'),
    timeout: duration.optional().describe('Longest that a request may take. Default: 60s.'),
    start_timeout: duration.optional().describe('Longest that it may take to start and introduce itself. Default: 30s.'),
    result_bytes: size.optional().describe('Largest message that it may answer with; a larger one is refused, never cut. Default: 4MB.'),
    pin: z.enum(['first_use', 'quarantine']).optional().describe('What becomes of its definitions when they are first seen: first_use pins them, quarantine withholds all of them until an operator has endorsed them (sallyport mcp endorse). Every later change is quarantined. Default: first_use.'),
    media: z.enum(['allow', 'refuse']).optional().describe('Images, sounds and other bytes in what it answers, in which no guardrail can look for texts: allow passes them on, with a finding in the receipt, refuse refuses the whole answer. Default: allow.'),
    unknown_arguments: z.enum(['allow', 'refuse']).optional().describe('Arguments that a tool\'s own schema does not name: allow passes them on where the schema does, refuse never does, at any depth; objects of which the schema says nothing hold what they do. Default: allow.'),
  })
  .superRefine((written, context) => {
    const wrong = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
    if ((written.command === undefined) === (written.url === undefined)) wrong(written.command === undefined ? 'command' : 'url', 'a server has either a command or a url')
    for (const key of ['args', 'env', 'cwd', 'sandbox', 'network', 'read', 'write', 'limits'] as const) if (written.url !== undefined && written[key] !== undefined) wrong(key, 'belongs to a command')
    for (const key of ['headers', 'ca', 'transport', 'oauth'] as const) if (written.command !== undefined && written[key] !== undefined) wrong(key, 'belongs to a url')
    if (written.sandbox === 'off') for (const key of ['network', 'read', 'write'] as const) if (written[key] !== undefined) wrong(key, 'says nothing without a sandbox')
    if (written.url !== undefined) for (const problem of urlProblems(written.url)) wrong('url', problem)
    if (written.oauth !== undefined && Object.keys(written.headers ?? {}).some((one) => one.toLowerCase() === 'authorization')) wrong('oauth', 'and a header Authorization exclude each other: a server has one credential')
    for (const [header, value] of Object.entries(written.headers ?? {})) {
      const at = (message: string): void => context.addIssue({ code: 'custom', path: ['headers', header], message })
      if (NOT_OURS.has(header.toLowerCase())) at('is set by the gateway and cannot be given here')
      // The value is not quoted: it is most likely the key.
      else if (SECRET.test(header) && !CREDENTIAL.test(value)) at('must be a reference, env:NAME or file:/path; a credential itself does not belong in this file')
    }
  })

/** `mcpServers:` as people write it: the shape that every MCP client uses. */
export const mcpServersSchema = z
  .record(name, server)
  .refine((servers) => Object.keys(servers).length <= 256, 'at most 256 servers')
  .describe('MCP servers, by a name of your choice; each is met at /mcp/<name>.')

export type McpServersWritten = z.input<typeof mcpServersSchema>

/** Where a credential or a variable comes from; `scheme` stands before it. */
export type Value = { readonly text: string } | { readonly reference: string; readonly scheme?: string }

export type Ask = 'sampling' | 'elicitation' | 'roots'

interface Common {
  readonly name: string
  readonly timeoutMs: number
  readonly startMs: number
  readonly resultBytes: number
  readonly unknownArguments: 'allow' | 'refuse'
  readonly media: 'allow' | 'refuse'
  /** What it may ask of callers at all. */
  readonly asks: readonly Ask[]
  readonly connection: 'shared' | 'principal'
  readonly pin: 'first_use' | 'quarantine'
}

export interface StdioServer extends Common {
  readonly kind: 'stdio'
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, Value>>
  readonly cwd?: string
  readonly sandbox: 'auto' | 'required' | 'off'
  readonly network: boolean
  readonly read: readonly string[]
  readonly write: readonly string[]
  readonly limits: Limits
}

export interface HttpServer extends Common {
  readonly kind: 'http'
  readonly transport: 'auto' | 'http' | 'sse'
  readonly url: string
  /** The URL names a private address literally, so that it may be dialled. */
  readonly allowPrivate: boolean
  readonly headers: Readonly<Record<string, Value>>
  readonly ca?: string
  /** Callers use it with tokens that people get for them. */
  readonly oauth?: OAuthSettings
}

export type McpServer = StdioServer | HttpServer

/** The schema has ruled out everything that cannot stand. */
export function settleMcpServers(written: McpServersWritten = {}): readonly McpServer[] {
  return Object.freeze(Object.entries(written).map(([key, one]) => settled(key, one)))
}

function settled(key: string, written: McpServersWritten[string]): McpServer {
  const common: Common = {
    name: key,
    timeoutMs: durationMs(written.timeout ?? '60s'),
    startMs: durationMs(written.start_timeout ?? '30s'),
    resultBytes: sizeBytes(written.result_bytes ?? '4MB'),
    unknownArguments: written.unknown_arguments ?? 'allow',
    media: written.media ?? 'allow',
    asks: Object.freeze([...new Set(written.asks)]),
    // Where many share one connection, whose call a question is about cannot always be told, and then nobody is asked.
    connection: written.connection ?? (written.asks === undefined || written.asks.length === 0 ? 'shared' : 'principal'),
    pin: written.pin ?? 'first_use',
  }
  if (written.command !== undefined) {
    const { command, args = [], env = {}, cwd, sandbox = 'auto', network = false, read = [], write = [] } = written
    const confinement = { sandbox, network, read: Object.freeze([...read]), write: Object.freeze([...write]), limits: limitsOf(written.limits) }
    return Object.freeze({ ...common, ...confinement, kind: 'stdio', command, args: Object.freeze([...args]), env: values(env, REFERENCE), ...(cwd !== undefined && { cwd }) })
  }
  const url = new URL(written.url as string)
  const { headers = {}, oauth, ca, transport = 'auto' } = written
  return Object.freeze({ ...common, kind: 'http', transport, url: url.href, allowPrivate: isPrivate(url.hostname), headers: values(headers, CREDENTIAL), ...(ca !== undefined && { ca }), ...(oauth !== undefined && { oauth: settleOAuth(oauth) }) })
}

function limitsOf({ memory = '1GB', processes = 64, files = 1024, file_size: fileSize = '1GB', cpu }: z.input<typeof limits> = {}): Limits {
  const cpuSeconds = cpu === undefined ? undefined : Math.max(1, Math.ceil(durationMs(cpu) / 1000))
  return Object.freeze({ memoryBytes: sizeBytes(memory), processes, files, fileBytes: sizeBytes(fileSize), ...(cpuSeconds !== undefined && { cpuSeconds }) })
}

function values(written: Readonly<Record<string, string>>, form: RegExp): Readonly<Record<string, Value>> {
  return Object.freeze(Object.fromEntries(Object.entries(written).map(([key, value]): [string, Value] => [key, valueOf(value, form)])))
}

function valueOf(value: string, form: RegExp): Value {
  const found = form.exec(value)
  if (found === null) return Object.freeze({ text: value })
  const [whole, scheme, reference] = found
  return Object.freeze({ reference: reference ?? whole, ...(scheme !== undefined && { scheme }) })
}

function urlProblems(text: string): readonly string[] {
  const url = new URL(text)
  const problems: string[] = []
  if (url.username !== '' || url.password !== '') problems.push('must not hold a credential: name it under headers')
  if (url.hash !== '') problems.push('must have no fragment')
  if (url.protocol === 'http:' && !isPrivate(url.hostname)) problems.push('must be https: credentials and arguments would travel in clear')
  return problems
}

/** Literally a loopback or private address. A name that merely resolves to one is not: its owner would choose what is dialled. */
function isPrivate(hostname: string): boolean {
  const host = normalHost(hostname)
  if (host === undefined) return false
  if (host.kind === 'name') return host.text === 'localhost'
  return ['loopback', 'private', 'cgnat'].includes(addressClass(host.text))
}
