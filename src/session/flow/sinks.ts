import { isObject, type Tree, type TreeObject } from '../../formats/tree.ts'
import type { ToolFacts } from '../../contract/tool.ts'
import type { ToolClass } from '../../contract/tool_class.ts'
import { shapeOf, type Shape } from './values.ts'

/** What a request says of a tool that it offers: a claim, which can raise what is thought of the tool and never lowers it. */
export interface Offered {
  readonly name: string
  /** JSON Schema of the arguments. */
  readonly schema?: Tree
  /** MCP's hints (`destructiveHint`, `openWorldHint`, …). */
  readonly annotations?: Tree
}

/** From least to most: a class that is inferred is only ever raised along this row. */
const RANK: readonly ToolClass[] = ['read', 'internal_write', 'external_send', 'money', 'destructive', 'privilege', 'code_execution']

export function higher(a: ToolClass, b: ToolClass): ToolClass {
  return RANK.indexOf(a) >= RANK.indexOf(b) ? a : b
}

/** The words of a name: `sendEmailTo`, `send-email-to` and `gmail__send_email_to` alike. */
export function wordsOfName(name: string): readonly string[] {
  return name.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2').toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '))

const READS = set('get gets list lists search find read reads fetch view show lookup look check query describe count browse summarize summarise calculate compute compare inspect retrieve load peek preview monitor status history info details current whoami ping explain analyze analyse validate verify estimate convert translate stat diff grep glob ls cat head tail tree exists is has what when where which resolve select scan download watch track recommend suggest rating reviews weather screenshot scroll wait hover think thinking sequentialthinking thought calculator wikipedia wiki logs transcribe extract ask answer navigate goto visit checker tracker analytics analyzer analyser viewer finder searcher detector estimator converter translator summarizer summariser recommender simulator forecast predict predictor')
const SENDS = set('send email mail reply respond forward message dm sms text notify post publish tweet comment announce broadcast share invite submit upload dispatch transmit webhook push contact call phone fax syndicate export toot chat gist paste pastebin')
const MONEY = set('pay payment transfer wire remit donate refund buy purchase order checkout transaction withdraw deposit charge invoice payout payroll trade invest topup tip')
const BOOKS = set('book reserve rent subscribe')
const DESTROYS = set('delete remove drop erase purge clear cancel unsubscribe wipe destroy terminate uninstall trash kill truncate format shred revert reset overwrite unpublish rm')
const PRIVILEGE = set('grant revoke permission permissions role roles sudo chmod chown elevate privilege privileges promote demote impersonate authorize acl firewall policy password credential credentials secret secrets token apikey passwd mfa 2fa otp passkey sshkey admin collaborator iam rotate protection security ruleset quarantine')
const RUNS = set('evaluate interpreter exec execute run eval shell bash terminal command cmd script python powershell sh spawn deploy rollback kubectl terraform install sql')
const KEYS = set('ssh api access private public signing deploy encryption secret master recovery rotate')
/** Words that, beside a verb of reading, do not make it anything else: `get_permissions`, `list_orders`. */
const NOUNS_TOO = set('email mail message text comment post order transaction invoice payment call chat permission permissions role roles token secret secrets password credentials credential policy script command sql run share book transfer refund charge deposit contact phone export history admin acl firewall collaborator payroll payout trade status format')
/** Whoever makes one of these has said something to somebody. */
const MAKES = set('create add new make leave put write insert submit open start compose')
const SAID = set('comment message post tweet announcement email mail reply text')
const WRITES = set('compose create add new make insert schedule set register open start draft generate plan organize update edit modify change rename move reschedule mark assign adjust append label archive merge complete close replace increase decrease write save store put copy log record enable disable pin star flag approve accept decline reject join leave follow tag sync import attach link unlink toggle switch turn lock unlock arm disarm upsert patch commit confirm request apply escalate silence acknowledge pause resume block unblock freeze unfreeze upgrade downgrade fork transition resolve extend print play mute unmute restore click press type hold trigger restart reboot scale')

/** Class by the words of the name. Undefined: the name says nothing that is known. */
function classOfName(words: readonly string[]): ToolClass | undefined {
  const key = words.findIndex((word) => word === 'key' || word === 'keys')
  const verb = words.find((word) => READS.has(word) || SENDS.has(word) || MONEY.has(word) || BOOKS.has(word) || DESTROYS.has(word) || PRIVILEGE.has(word) || RUNS.has(word) || WRITES.has(word))
  if (verb === undefined) return undefined
  const reads = READS.has(verb)
  let made: ToolClass = reads ? 'read' : 'internal_write'
  // A key is one of a keyboard or a map as well.
  if (!reads && key > 0 && (KEYS.has(words[key - 1] as string) || verb === 'rotate')) made = 'privilege'
  for (const word of words) {
    // After a verb of reading, these are what is read.
    if (reads && NOUNS_TOO.has(word)) continue
    if (RUNS.has(word) && (word === verb || !NOUNS_TOO.has(word) || !reads)) made = higher(made, 'code_execution')
    else if (PRIVILEGE.has(word)) made = higher(made, 'privilege')
    else if (DESTROYS.has(word)) made = higher(made, 'destructive')
    else if (MONEY.has(word) || BOOKS.has(word)) made = higher(made, MONEY.has(word) ? 'money' : 'external_send')
    else if (SENDS.has(word) && (word === verb || !NOUNS_TOO.has(word) || (MAKES.has(verb) && SAID.has(word)))) made = higher(made, 'external_send')
  }
  return made
}

export type Control = 'recipient' | 'payee' | 'url' | 'path' | 'id' | 'secret'

const RECIPIENT = /^(?:to|cc|bcc|recipients?|receivers?|emails?|e_?mail_?(?:address(?:es)?)?|participants?|attendees?|invitees?|guests?|members?|users?|user_?names?|handles?|channels?|channel_?name|assignees?|reviewers?|share_?with|shared_?with|phones?|phone_?numbers?|contacts?|chat|room|audience|subscribers?|mentions?|collaborators?|forward_?to|reply_?to|send_?to|notify|group|team|space|subreddit)$/
/** The same by number or handle: whoever is written to, whatever the service calls them. */
const RECIPIENT_ID = /^(?:(?:to|target|recipient|receiver|dest|destination)_)?(?:to|recipient|receiver|user|member|channel|chat|room|conversation|group|contact|customer|person|participant|attendee)_?(?:ids?|emails?|names?|handles?|user_?names?|address(?:es)?|numbers?)$/
const PAYEE = /(?:^|_)(?:iban|payees?|beneficiar(?:y|ies)|account|account_?(?:number|no|id)|wallet|wallet_?address|routing(?:_?number)?|sort_?code|bic|swift|merchant|vendor|to_account|destination_account|card_?number)$/
const URLS = /(?:^|_)(?:urls?|uris?|links?|href|endpoint|webhook|web_?site|hosts?|domain|origin|callback|redirect|remote|registry|repo_?url|site|server|address_url|image_?url)$/
const PATHS = /(?:^|_)(?:paths?|files?|file_?names?|filepaths?|dir|directory|folder|destination|dest|target|source|src|output|output_?file|attachments?|branch|bucket|cwd|workdir|root)$/
const SECRETS = /(?:^|_)(?:passwords?|passwd|secrets?|tokens?|api_?keys?|credentials?|pin|otp|passphrase|private_?key|ssh_?key|public_?key)$/
const IDS = /(?:^|_)(?:ids?|uuid|guid|number|no|ref|reference|code|key|ticket|issue|pr|pull_?request|record|sku|tracking)$/
const SELF = /^(?:from|sender|author|me|self|owner|own_account|from_account|source_account)$/
/** Text that people read: what it says is judged by what it carries, not as a whole. */
const CONTENT = /^(?:body|content|contents|message|messages|text|subject|title|description|summary|notes?|comment|caption|prompt|query|q|keywords?|reason|html|markdown|data|payload|name|label|memo|question|answer|reply|document|value|values|code|script|command|cmd|sql|amount|date|time|start_?time|end_?time|location|city|status|type|limit|offset|page|currency|recurring|language|format)$/

/** An argument that says whom or what the call acts on. */
export interface ControlValue {
  /** Dotted path of the argument. */
  readonly path: string
  readonly kind: Control
  readonly text: string
  /** By the tool's configuration, not by name or shape. */
  readonly configured: boolean
}

/** A call on more is held whole. */
export const MOST_CONTROLS = 64

/** Whether a class acts outside the organisation, or may. */
export function isExternal(kind: ToolClass): boolean {
  return kind === 'external_send' || kind === 'money' || kind === 'code_execution'
}

/** What a call is taken for. */
export interface Sink {
  readonly class: ToolClass
  /** Where the class comes from. */
  readonly by: 'configuration' | 'name' | 'schema' | 'annotations' | 'arguments' | 'nothing known'
  readonly words: readonly string[]
}

/**
 * The class of a tool: from configuration, else inferred from its name, the names in its schema and in the call, and its
 * annotations. Inference only raises; a tool of which nothing is known writes.
 */
export function sinkOf(name: string, args: TreeObject | undefined, facts: ToolFacts, offered: Offered | undefined): Sink {
  const words = wordsOfName(name)
  if (facts.class !== undefined) return { class: facts.class, by: 'configuration', words }
  const named = classOfName(words)
  let made: ToolClass = named ?? 'internal_write'
  let by: Sink['by'] = named === undefined ? 'nothing known' : 'name'
  const raise = (to: ToolClass, because: Sink['by']): void => {
    if (higher(made, to) === made) return
    made = to
    by = because
  }
  if (facts.least !== undefined) raise(facts.least, 'configuration')
  const fromNames = classOfArguments(namesIn(offered?.schema), made)
  if (fromNames !== undefined) raise(fromNames, 'schema')
  // What is made public is sent to everybody.
  if (made !== 'read' && args !== undefined && [...args].some(([name, value]) => isPublic(snake(name), value))) raise('external_send', 'arguments')
  const fromCall = classOfArguments(args === undefined ? [] : [...args.keys()], made)
  if (fromCall !== undefined) raise(fromCall, 'arguments')
  const hints = isObject(offered?.annotations) ? offered.annotations : undefined
  if (hints?.get('destructiveHint') === true && hints.get('readOnlyHint') !== true) raise('destructive', 'annotations')
  return { class: made, by, words }
}

function isPublic(name: string, value: Tree): boolean {
  if (/^(?:is_)?public$/.test(name)) return value === true || value === 'true'
  return /^(?:visibility|access|audience|sharing|scope|privacy)$/.test(name) && typeof value === 'string' && /^(?:public|anyone|anybody|everyone|world|unlisted|internet|link)/i.test(value)
}

/** What argument names give away: money with a payee, text with a recipient, code to run. */
function classOfArguments(names: readonly string[], so: ToolClass): ToolClass | undefined {
  const keys = names.map(snake)
  const any = (pattern: RegExp): boolean => keys.some((key) => pattern.test(key))
  if (any(/^(?:command|cmd|shell|bash|argv)$/) || (any(/^(?:script|code|expression)$/) && so !== 'read')) return 'code_execution'
  if (any(/^(?:amount|sum)$/) && any(PAYEE) && so !== 'read') return 'money'
  if (any(/^(?:amount|sum|price)$/) && any(RECIPIENT)) return 'money'
  if (any(/^(?:cc|bcc|recipients?|receivers?|attendees|participants|invitees|forward_?to|send_?to|webhook(?:_url)?)$/) && so !== 'read') return 'external_send'
  // From and to are places of a journey as well: whoever writes to somebody has something to say.
  if (any(/^(?:to|recipients?)$/) && any(/^(?:body|message|text|content|subject|html)$/)) return 'external_send'
  if (any(/^(?:method|http_method|verb)$/) && any(URLS)) return 'external_send'
  return undefined
}

function namesIn(schema: Tree | undefined): readonly string[] {
  const properties = isObject(schema) ? schema.get('properties') : undefined
  return isObject(properties) ? [...properties.keys()] : []
}

function snake(name: string): string {
  return name.replace(/([a-z\d])([A-Z])/g, '$1_$2').replace(/[\s-]+/g, '_').toLowerCase()
}

/**
 * The control arguments of a call: by configuration, by the name of the argument, by the type that its schema declares
 * (`format: email`), and by the shape of the value. Sorted by path, so that the order of keys changes nothing.
 */
export function controlsOf(args: TreeObject, facts: ToolFacts, offered: Offered | undefined, sink: Sink): readonly ControlValue[] {
  const properties = isObject(offered?.schema) ? offered.schema.get('properties') : undefined
  const found: ControlValue[] = []
  const take = (path: string, name: string, value: Tree): void => {
    if (found.length > MOST_CONTROLS || value === null || typeof value === 'boolean') return
    if (isObject(value)) for (const [key, inner] of value) take(path === '' ? key : `${path}.${key}`, key, inner)
    else if (Array.isArray(value)) for (const inner of value) take(path, name, inner)
    else {
      const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : value.text
      if (text.trim() === '') return
      const configured = facts.control.some((one) => path === one || path.startsWith(`${one}.`))
      const declared = isObject(properties) ? properties.get(path) : undefined
      const kind = controlKind(snake(name), typeof value === 'string', text, isObject(declared) ? declared.get('format') : undefined, configured, sink)
      if (kind === undefined) return
      // Several recipients in one text are several recipients.
      const parts = kind === 'recipient' && /[;,]/.test(text) ? text.split(/[;,]/) : [text]
      for (const part of parts) if (part.trim() !== '') found.push({ path, kind, text: part.trim(), configured })
    }
  }
  take('', '', args)
  return found.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
}

const BY_SHAPE: Readonly<Record<Exclude<Shape, 'id'>, Control>> = { email: 'recipient', phone: 'recipient', url: 'url', iban: 'payee', wallet: 'payee' }

function controlKind(name: string, isText: boolean, text: string, format: Tree | undefined, configured: boolean, sink: Sink): Control | undefined {
  const shape = isText ? shapeOf(text)?.shape : undefined
  const shaped = shape === undefined || shape === 'id' ? undefined : BY_SHAPE[shape]
  if (configured) return shaped ?? byName(name, isText, sink) ?? 'id'
  if (SELF.test(name)) return undefined
  if (format === 'email') return 'recipient'
  if (format === 'uri' || format === 'url' || format === 'uri-reference' || format === 'hostname') return 'url'
  const named = byName(name, isText, sink)
  // A name may promise an id and the value be an address: the address counts.
  if (shaped !== undefined && (named === undefined || named === 'id' || named === 'path')) return shaped
  return named
}

function byName(name: string, isText: boolean, sink: Sink): Control | undefined {
  if (SECRETS.test(name)) return 'secret'
  if (PAYEE.test(name)) return 'payee'
  if (name === 'to' && sink.class === 'internal_write') return undefined
  // A number of guests names none of them.
  if (RECIPIENT.test(name)) return !isText && !/phone/.test(name) ? undefined : sink.class === 'money' && /^(?:to|recipients?|receivers?)$/.test(name) ? 'payee' : 'recipient'
  if (RECIPIENT_ID.test(name) && isExternal(sink.class)) return 'recipient'
  if (URLS.test(name)) return 'url'
  if (CONTENT.test(name)) return undefined
  if (PATHS.test(name)) return 'path'
  return IDS.test(name) ? 'id' : undefined
}

export interface ArgumentText {
  readonly path: string
  readonly text: string
  /** It is the name of an argument. */
  readonly isName: boolean
}

/** Every text of a call with its path: what it carries can leave. */
export function textsOf(args: TreeObject): readonly ArgumentText[] {
  const found: ArgumentText[] = []
  const take = (path: string, value: Tree): void => {
    if (isObject(value)) {
      for (const [key, inner] of value) {
        // A key is text as well: what leaves in it has left.
        found.push({ path: path === '' ? key : `${path}.${key}`, text: key, isName: true })
        take(path === '' ? key : `${path}.${key}`, inner)
      }
    } else if (Array.isArray(value)) for (const inner of value) take(path, inner)
    else if (typeof value === 'string') found.push({ path, text: value, isName: false })
    else if (value !== null && typeof value !== 'boolean') found.push({ path, text: typeof value === 'number' ? String(value) : value.text, isName: false })
  }
  take('', args)
  return found.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}
