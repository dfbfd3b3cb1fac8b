import type { Action, Reading } from '../../../contract/exchange.ts'
import { addressClass, normalHost } from '../../../formats/hostnames.ts'
import { isObject, numberOf, object, type Tree, type TreeObject } from '../../../formats/tree.ts'
import { INVALID_PARAMS, METHOD_NOT_FOUND, type Answer } from '../rpc.ts'
import { argumentSchema } from '../schema.ts'

/** What a server asks of a caller, cut down to what is passed on. */
export interface Question {
  readonly action: Action
  readonly method: string
  readonly params: TreeObject
  /** Clear facts for policy and receipt. */
  readonly parameters: Reading['parameters']
  /** The answer, cut down to what is passed back; undefined where it is none to this. */
  answer(result: TreeObject): TreeObject | undefined
}

const MOST_MESSAGES = 200
const MOST_BLOCKS = 50
const MOST_FIELDS = 50
const MOST_CHOICES = 200
const MOST_ROOTS = 200
const LONGEST_MESSAGE = 16_384
const LONGEST_URL = 2_048

/** Why a question is not passed on: the error that its server hears. */
class Unfit extends Error {}

/** A question that can be passed on, or the error that its server hears. `capabilities` are the caller's. */
export function questionOf(method: string, params: TreeObject, capabilities: TreeObject): Question | Answer {
  try {
    if (method === 'sampling/createMessage' && capabilities.has('sampling')) return sampling(params)
    if (method === 'elicitation/create' && capabilities.has('elicitation')) return params.get('mode') === 'url' ? visit(params, capabilities) : form(params, capabilities)
    if (method === 'roots/list' && capabilities.has('roots')) return roots()
    return { error: { code: METHOD_NOT_FOUND, message: 'The caller takes no such request.' } }
  } catch (error) {
    if (error instanceof Unfit) return { error: { code: INVALID_PARAMS, message: error.message } }
    throw error
  }
}

/** Without tools, whose calls nobody would decide about, and without other servers' context. */
function sampling(params: TreeObject): Question {
  for (const key of ['tools', 'toolChoice', 'task']) if (params.has(key)) throw new Unfit(`"${key}" is not passed on`)
  const messages = params.get('messages')
  if (!Array.isArray(messages) || messages.length === 0 || messages.length > MOST_MESSAGES) throw new Unfit('"messages" must be a list of messages')
  const [system, most, temperature, stops] = ['systemPrompt', 'maxTokens', 'temperature', 'stopSequences'].map((key) => params.get(key))
  const maxTokens = numberOf(most)
  if (maxTokens === undefined || !Number.isSafeInteger(maxTokens) || maxTokens < 1) throw new Unfit('"maxTokens" must be a whole number')
  if (system !== undefined && typeof system !== 'string') throw new Unfit('"systemPrompt" must be a text')
  if (temperature !== undefined && numberOf(temperature) === undefined) throw new Unfit('"temperature" must be a number')
  if (stops !== undefined && !texts(stops, 16)) throw new Unfit('"stopSequences" must be texts')
  const said = messages.map((one) => {
    const message = messageOf(one)
    if (message === undefined) throw new Unfit('a message is none, or holds more than text, images and sounds')
    return message
  })
  return {
    action: 'mcp.sample',
    method: 'sampling/createMessage',
    params: object({ messages: said, modelPreferences: preferences(params.get('modelPreferences')), systemPrompt: system, maxTokens: most, temperature, stopSequences: stops }),
    parameters: { messages: said.length, max_tokens: maxTokens, media_parts: said.reduce((sum, one) => sum + media(one.get('content')), 0) },
    answer(result) {
      const message = messageOf(result)
      const [model, reason] = [result.get('model'), result.get('stopReason')]
      if (message?.get('role') !== 'assistant' || typeof model !== 'string' || (reason !== undefined && typeof reason !== 'string')) return undefined
      return new Map([...message, ['model', model], ...(reason === undefined ? [] : [['stopReason', reason] as const])])
    },
  }
}

function messageOf(value: Tree | undefined): TreeObject | undefined {
  if (!isObject(value)) return undefined
  const [role, content] = [value.get('role'), value.get('content')]
  if (role !== 'user' && role !== 'assistant') return undefined
  const blocks = Array.isArray(content) ? content.map(blockOf) : [blockOf(content)]
  if (blocks.length === 0 || blocks.length > MOST_BLOCKS || !blocks.every((one) => one !== undefined)) return undefined
  return object({ role, content: Array.isArray(content) ? blocks : (blocks[0] as TreeObject) })
}

function blockOf(value: Tree | undefined): TreeObject | undefined {
  if (!isObject(value)) return undefined
  const [type, text, data, mimeType] = ['type', 'text', 'data', 'mimeType'].map((key) => value.get(key))
  if (type === 'text') return typeof text === 'string' ? object({ type, text }) : undefined
  return (type === 'image' || type === 'audio') && typeof data === 'string' && typeof mimeType === 'string' ? object({ type, data, mimeType }) : undefined
}

function media(content: Tree | undefined): number {
  return (Array.isArray(content) ? content : [content]).filter((one) => isObject(one) && one.get('type') !== 'text').length
}

function preferences(value: Tree | undefined): TreeObject | undefined {
  if (value === undefined) return undefined
  if (!isObject(value)) throw new Unfit('"modelPreferences" must be an object')
  const hints = value.get('hints')
  const named = Array.isArray(hints) ? hints.slice(0, 16).flatMap((one) => (isObject(one) && typeof one.get('name') === 'string' ? [object({ name: one.get('name') })] : [])) : undefined
  const priorities = ['costPriority', 'speedPriority', 'intelligencePriority'].flatMap((key) => (numberOf(value.get(key)) === undefined ? [] : [[key, value.get(key) as Tree] as const]))
  return new Map([...(named === undefined ? [] : [['hints', named] as const]), ...priorities])
}

/** A form of flat fields: what is asked must be what a person can see at one glance. */
function form(params: TreeObject, capabilities: TreeObject): Question {
  const mode = params.get('mode')
  if (mode !== undefined && mode !== 'form') throw new Unfit('"mode" must be form or url')
  const can = capabilities.get('elicitation')
  // Callers of before there were modes take forms, and say nothing of them.
  if (isObject(can) && can.has('url') && !can.has('form')) throw new Unfit('the caller takes no forms')
  const schema = params.get('requestedSchema')
  const properties = isObject(schema) ? schema.get('properties') : undefined
  if (!isObject(schema) || schema.get('type') !== 'object' || !isObject(properties) || properties.size > MOST_FIELDS) throw new Unfit('"requestedSchema" must be an object with fields')
  for (const key of schema.keys()) if (!FORM_KEYS.has(key)) throw new Unfit(`"requestedSchema" must not have ${JSON.stringify(key.slice(0, 64))}`)
  const required = schema.get('required')
  if (required !== undefined && !texts(required, MOST_FIELDS)) throw new Unfit('"required" must be names of fields')
  for (const [name, field] of properties) {
    if (!isFlat(field)) throw new Unfit(`the field ${JSON.stringify(name.slice(0, 64))} is not a plain one`)
    if (asksForSecret(name, field as TreeObject)) throw new Unfit(`the field ${JSON.stringify(name.slice(0, 64))} asks for a secret: forms are not for those, a URL is`)
  }
  const checked = argumentSchema(schema)
  if (checked.unusable !== undefined) throw new Unfit(`"requestedSchema" cannot be used: ${checked.unusable}`)
  return {
    action: 'mcp.elicit',
    method: 'elicitation/create',
    params: object({ ...(mode !== undefined && { mode }), message: messageText(params), requestedSchema: schema }),
    parameters: { mode: 'form', fields: properties.size },
    answer(result) {
      const [action, content] = [result.get('action'), result.get('content')]
      if (action === 'decline' || action === 'cancel') return object({ action })
      if (action !== 'accept' || !isObject(content) || checked.check(content, true) !== undefined) return undefined
      for (const value of content.values()) if (isObject(value) || (Array.isArray(value) && !texts(value, MOST_CHOICES))) return undefined
      return object({ action, content })
    },
  }
}

const FORM_KEYS: ReadonlySet<string> = new Set(['$schema', 'type', 'properties', 'required', 'additionalProperties'])
const FIELD_KEYS: ReadonlySet<string> = new Set(['type', 'title', 'description', 'default', 'minLength', 'maxLength', 'pattern', 'format', 'minimum', 'maximum', 'enum', 'enumNames', 'oneOf', 'items', 'minItems', 'maxItems', 'uniqueItems'])
const PLAIN: ReadonlySet<Tree | undefined> = new Set(['string', 'number', 'integer', 'boolean'])

function isFlat(field: Tree): boolean {
  if (!isObject(field)) return false
  for (const key of field.keys()) if (!FIELD_KEYS.has(key)) return false
  const [type, items] = [field.get('type'), field.get('items')]
  if (!areChoices(field.get('oneOf')) || !areTexts(field.get('enum')) || !areTexts(field.get('enumNames'))) return false
  if (type !== 'array') return PLAIN.has(type) && items === undefined
  if (!isObject(items)) return false
  for (const key of items.keys()) if (key !== 'type' && key !== 'enum' && key !== 'anyOf') return false
  return (items.get('type') ?? 'string') === 'string' && areTexts(items.get('enum')) && areChoices(items.get('anyOf')) && (items.has('enum') || items.has('anyOf'))
}

/** What a person is known by to machines, or pays with; in the words that name a field, not in those of the question. */
const SECRETS = /\b(?:pass ?(?:word|wd|phrase|code)|pwd|pin|(?:api|secret|private|access|ssh|signing|encryption|recovery|license) ?keys?|client secrets?|secrets?|(?:access|refresh|auth|api|bearer|session|id|security|personal access) ?tokens?|token|credentials?|cvv|cvc|card (?:number|no)|(?:seed|recovery|mnemonic) ?phrase|mnemonic|otp|totp|(?:one time|verification|2fa|mfa) ?(?:code|password))(?: (?:again|confirm|confirmation|repeat|value))? ?\d*$/
/** The same, where a description says it of the user. */
const YOURS = /\b(?:your|enter|paste|provide|type|supply) (?:\w+ ){0,4}?(?:pass ?(?:word|phrase|code)|(?:api|secret|private|access) ?key|secret|(?:access|refresh|auth|api|bearer|session) ?token|credentials?|cvv|cvc|card number|(?:seed|recovery|mnemonic) ?phrase|(?:one time|verification) ?(?:code|password))\b/

/** The revision forbids it of forms: their answers pass through whoever carries them. */
function asksForSecret(name: string, field: TreeObject): boolean {
  if (field.get('format') === 'password') return true
  if (field.get('type') === 'boolean') return false
  const [title, description] = [field.get('title'), field.get('description')]
  return [name, ...(typeof title === 'string' ? [title] : [])].some((text) => SECRETS.test(words(text))) || (typeof description === 'string' && YOURS.test(words(description)))
}

/** In one case, with one space where any separator was or another case began. */
function words(text: string): string {
  return text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/(?<=\p{Ll})(?=\p{Lu})/gu, ' ')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

function areTexts(value: Tree | undefined): boolean {
  return value === undefined || texts(value, MOST_CHOICES)
}

function areChoices(value: Tree | undefined): boolean {
  return value === undefined || (Array.isArray(value) && value.length <= MOST_CHOICES && value.every((one) => isObject(one) && [...one].every(([key, text]) => (key === 'const' || key === 'title') && typeof text === 'string')))
}

/** A place where the caller's user goes with a browser: never one that is made to look like another, or of this machine's neighbours. */
function visit(params: TreeObject, capabilities: TreeObject): Question {
  const can = capabilities.get('elicitation')
  if (!isObject(can) || !can.has('url')) throw new Unfit('the caller opens no URLs')
  const [text, id] = [params.get('url'), params.get('elicitationId')]
  const url = typeof text === 'string' && text.length <= LONGEST_URL ? URL.parse(text) : null
  if (url === null || url.username !== '' || url.password !== '' || !isBrowsable(url)) throw new Unfit('"url" must be an https URL of a public place, without a credential')
  if (id !== undefined && (typeof id !== 'string' || id.length > 256)) throw new Unfit('"elicitationId" must be a text')
  return {
    action: 'mcp.elicit',
    method: 'elicitation/create',
    params: object({ mode: 'url', message: messageText(params), url: url.href, elicitationId: id }),
    parameters: { mode: 'url', host: url.hostname },
    answer(result) {
      const action = result.get('action')
      return action === 'accept' || action === 'decline' || action === 'cancel' ? object({ action }) : undefined
    },
  }
}

/** In clear only on the user's own machine; an address in the networks around it is an errand that only somebody there can run. */
function isBrowsable({ protocol, hostname }: URL): boolean {
  const host = normalHost(hostname)
  if (host === undefined) return false
  if (host.kind === 'name' ? host.text === 'localhost' : addressClass(host.text) === 'loopback') return protocol === 'https:' || protocol === 'http:'
  return protocol === 'https:' && (host.kind === 'name' || addressClass(host.text) === 'public')
}

function roots(): Question {
  return {
    action: 'mcp.roots',
    method: 'roots/list',
    params: new Map(),
    parameters: {},
    answer(result) {
      const listed = result.get('roots')
      if (!Array.isArray(listed) || listed.length > MOST_ROOTS) return undefined
      const read = listed.map((one) => {
        const [uri, name] = isObject(one) ? [one.get('uri'), one.get('name')] : []
        return typeof uri === 'string' && uri.startsWith('file://') && (name === undefined || typeof name === 'string') ? object({ uri, name }) : undefined
      })
      return read.every((one) => one !== undefined) ? object({ roots: read }) : undefined
    },
  }
}

function messageText(params: TreeObject): string {
  const message = params.get('message')
  if (typeof message !== 'string' || message.length > LONGEST_MESSAGE) throw new Unfit('"message" must be a text, and not too long')
  return message
}

function texts(value: Tree, most: number): boolean {
  return Array.isArray(value) && value.length <= most && value.every((one) => typeof one === 'string')
}
