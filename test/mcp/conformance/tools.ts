import { acceptedContent, CLIENT_CAPABILITIES_META_KEY, completable, createRequestStateCodec, fromJsonSchema, inputRequired, McpServer, ResourceTemplate, type CallToolResult, type InputRequiredResult, type ServerContext } from '@modelcontextprotocol/server'
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { listTaskTools, TASKS } from './tasks.ts'

/** What a server of the fixture tells all its subscribers, however its transport does that. */
export interface Announce {
  tools(): void
  prompts(): void
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

/** JSON Schema 2020-12 with everything that a proxy could lose on the way. */
const WHOLE_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as const

const state = createRequestStateCodec<{ readonly step: number }>({ key: crypto.getRandomValues(new Uint8Array(32)), ttlSeconds: 600 })

const text = (said: string): CallToolResult => ({ content: [{ type: 'text', text: said }] })
const asked = (message: string, properties: Readonly<Record<string, unknown>>) =>
  inputRequired.elicit({ message, requestedSchema: { type: 'object', properties, required: Object.keys(properties) } as never })

/**
 * A server with everything that the scenarios of the conformance suite call, under the names that they call it by.
 * What asks the caller for something is written once, as rounds: the SDK makes requests of it in revisions with sessions.
 */
export function fixtureServer(announce: Announce, tasks = false): McpServer {
  const made = new McpServer(
    { name: 'fixture', version: '1.0.0' },
    {
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true }, logging: {}, completions: {}, ...(tasks && { extensions: { [TASKS]: {} } }) },
      requestState: { verify: state.verify },
    },
  )
  content(made)
  told(made, announce)
  asking(made)
  rounds(made)
  resources(made)
  prompts(made)
  if (tasks) listTaskTools(made)
  return made
}

function content(made: McpServer): void {
  const add = (name: string, result: CallToolResult): void => void made.registerTool(name, { description: `Answers as ${name}.` }, () => result)
  made.registerTool('greet', { description: 'Greets.', inputSchema: z.object({ name: z.string() }) }, ({ name }) => text(`Hello, ${name}!`))
  add('test_simple_text', text('This is a simple text response for testing.'))
  add('test_image_content', { content: [{ type: 'image', data: PIXEL, mimeType: 'image/png' }] })
  add('test_audio_content', { content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }] })
  add('test_embedded_resource', { content: [{ type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } }] })
  add('test_multiple_content_types', {
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PIXEL, mimeType: 'image/png' },
      { type: 'resource', resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data","value":123}' } },
    ],
  })
  made.registerTool('test_error_handling', { description: 'Fails.' }, () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  made.registerTool('json_schema_2020_12_tool', { description: 'Has a whole schema.', inputSchema: fromJsonSchema(WHOLE_SCHEMA as never) }, (args) => text(JSON.stringify(args)))
  made.registerTool(
    'test_header_param',
    { description: 'Has a parameter that a header repeats.', inputSchema: fromJsonSchema({ type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } as never) },
    (args) => text(JSON.stringify(args)),
  )
}

/** Tools that say something before they answer. */
function told(made: McpServer, announce: Announce): void {
  const said = async ({ mcpReq }: ServerContext, words: readonly string[]): Promise<void> => {
    for (const [index, word] of words.entries()) {
      if (index > 0) await pause(50)
      await mcpReq.log('info', word)
    }
  }
  made.registerTool('test_tool_with_logging', { description: 'Logs.', inputSchema: z.object({}) }, async (_, context) => {
    await said(context, ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
    return text('logged')
  })
  made.registerTool('test_logging_tool', { description: 'Logs once.', inputSchema: z.object({}) }, async (_, context) => {
    await said(context, ['only for those who asked for a level'])
    return text('logged')
  })
  made.registerTool('test_tool_with_progress', { description: 'Reports progress.', inputSchema: z.object({}) }, async (_, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
      await pause(50)
    }
    return text('done')
  })
  made.registerTool('test_reconnection', { description: 'Closes its stream before it answers.', inputSchema: z.object({}) }, async (_, { http }) => {
    http?.closeSSE?.()
    await pause(100)
    return text('answered after the stream was closed')
  })
  made.registerTool('test_trigger_tool_change', { description: 'Says that the tools changed.' }, () => (announce.tools(), text('said')))
  made.registerTool('test_trigger_prompt_change', { description: 'Says that the prompts changed.' }, () => (announce.prompts(), text('said')))
}

/** Tools that need the caller's model or user, once. */
function asking(made: McpServer): void {
  made.registerTool('test_sampling', { description: 'Asks the model of the caller.', inputSchema: z.object({ prompt: z.string() }) }, ({ prompt }, { mcpReq }) => {
    const answer = mcpReq.inputResponses?.['answer'] as { readonly content?: { readonly text?: string } } | undefined
    if (answer !== undefined) return text(`LLM response: ${answer.content?.text ?? ''}`)
    return inputRequired({ inputRequests: { answer: sampling(prompt, 100) } })
  })
  const elicits = (name: string, message: string, properties: Readonly<Record<string, unknown>>, required: readonly string[] = []): void =>
    void made.registerTool(name, { description: 'Asks the user of the caller.', inputSchema: z.object({ message: z.string().optional() }) }, (args, { mcpReq }) => {
      const answer = mcpReq.inputResponses?.['answer']
      if (answer !== undefined) return text(`Elicitation completed: ${JSON.stringify(answer)}`)
      return inputRequired({ inputRequests: { answer: inputRequired.elicit({ message: args.message ?? message, requestedSchema: { type: 'object', properties, required } as never }) } })
    })
  elicits('test_elicitation', 'Who are you?', { username: { type: 'string', description: 'A name' }, email: { type: 'string', description: 'An address' } }, ['username', 'email'])
  elicits('test_elicitation_sep1034_defaults', 'Please look at these.', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  })
  const titled = ['First', 'Second', 'Third'].map((title, index) => ({ const: `value${index + 1}`, title }))
  elicits('test_elicitation_sep1330_enums', 'Please choose.', {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', items: { anyOf: titled } },
  })
  made.registerTool('test_streaming_elicitation', { description: 'Asks the user of the caller.' }, ({ mcpReq }) =>
    mcpReq.inputResponses?.['ok'] === undefined ? inputRequired({ inputRequests: { ok: asked('Go on?', { ok: { type: 'boolean' } }) } }) : text('went on'),
  )
  made.registerTool('test_missing_capability', { description: 'Needs the model of the caller.' }, ({ mcpReq }) =>
    mcpReq.inputResponses?.['answer'] === undefined ? inputRequired({ inputRequests: { answer: sampling('Anything', 10) } }) : text('answered'),
  )
}

/** Calls that take more than one round, in the revision that has rounds. */
function rounds(made: McpServer): void {
  const add = (name: string, step: (context: ServerContext) => CallToolResult | InputRequiredResult | Promise<CallToolResult | InputRequiredResult>): void =>
    void made.registerTool(`test_input_required_result_${name}`, { description: `Needs input: ${name}.` }, step)
  const NAME = { name: { type: 'string' } }
  add('elicitation', ({ mcpReq }) => {
    const answer = acceptedContent(mcpReq.inputResponses, 'user_name', z.object({ name: z.string() }))
    return answer === undefined ? inputRequired({ inputRequests: { user_name: asked('What is your name?', NAME) } }) : text(`Hello, ${answer.name}!`)
  })
  add('sampling', ({ mcpReq }) =>
    mcpReq.inputResponses?.['capital_question'] === undefined ? inputRequired({ inputRequests: { capital_question: sampling('What is the capital of France?', 100) } }) : text(JSON.stringify(mcpReq.inputResponses['capital_question'])),
  )
  add('list_roots', ({ mcpReq }) =>
    mcpReq.inputResponses?.['client_roots'] === undefined ? inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } }) : text(JSON.stringify(mcpReq.inputResponses['client_roots'])),
  )
  for (const name of ['request_state', 'tampered_state']) {
    add(name, async (context) => {
      if (context.mcpReq.inputResponses?.['confirm'] !== undefined && context.mcpReq.requestState() !== undefined) return text('state-ok')
      return inputRequired({ inputRequests: { confirm: asked('Please confirm', { ok: { type: 'boolean' } }) }, requestState: await state.mint({ step: 1 }) })
    })
  }
  add('multiple_inputs', async ({ mcpReq }) => {
    const answers = mcpReq.inputResponses
    if (['user_name', 'greeting', 'client_roots'].every((key) => answers?.[key] !== undefined)) return text('all answered')
    return inputRequired({
      inputRequests: { user_name: asked('What is your name?', NAME), greeting: sampling('Generate a greeting', 50), client_roots: inputRequired.listRoots() },
      requestState: await state.mint({ step: 1 }),
    })
  })
  add('multi_round', async ({ mcpReq }) => {
    const step = mcpReq.requestState<{ readonly step: number }>()?.step ?? 0
    if (step === 1 && mcpReq.inputResponses?.['step1'] !== undefined) return inputRequired({ inputRequests: { step2: asked('Step 2: What is your favorite color?', { color: { type: 'string' } }) }, requestState: await state.mint({ step: 2 }) })
    if (step === 2 && mcpReq.inputResponses?.['step2'] !== undefined) return text('all rounds done')
    return inputRequired({ inputRequests: { step1: asked('Step 1: What is your name?', NAME) }, requestState: await state.mint({ step: 1 }) })
  })
  add('capabilities', (context) => {
    const can = capabilities(context)
    const inputRequests = { ...(can['elicitation'] !== undefined && { user: asked('What is your name?', NAME) }), ...(can['sampling'] !== undefined && { model: sampling('Say something', 50) }) }
    return Object.keys(inputRequests).length === 0 ? text('nobody can be asked') : inputRequired({ inputRequests })
  })
}

function sampling(prompt: string, maxTokens: number) {
  return inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens })
}

function capabilities({ mcpReq }: ServerContext): Readonly<Record<string, unknown>> {
  return (mcpReq.envelope as Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined)?.[CLIENT_CAPABILITIES_META_KEY] ?? {}
}

function resources(made: McpServer): void {
  made.registerResource('static-text', 'test://static-text', { description: 'A text.', mimeType: 'text/plain' }, ({ href }) => ({ contents: [{ uri: href, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }] }))
  made.registerResource('static-binary', 'test://static-binary', { description: 'An image.', mimeType: 'image/png' }, ({ href }) => ({ contents: [{ uri: href, mimeType: 'image/png', blob: PIXEL }] }))
  made.registerResource('watched-resource', 'test://watched-resource', { description: 'One that changes.', mimeType: 'text/plain' }, ({ href }) => ({ contents: [{ uri: href, mimeType: 'text/plain', text: 'watched' }] }))
  made.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined, complete: { id: (value) => ['123', '124'].filter((one) => one.startsWith(value)) } }), { description: 'One for each id.', mimeType: 'application/json' }, ({ href }, { id }) => ({
    contents: [{ uri: href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }) }],
  }))
  const watched = new Set<string>()
  made.server.setRequestHandler('resources/subscribe', ({ params }) => (watched.add(params.uri), {}))
  made.server.setRequestHandler('resources/unsubscribe', ({ params }) => (watched.delete(params.uri), {}))
}

function prompts(made: McpServer): void {
  const says = (said: string) => ({ role: 'user' as const, content: { type: 'text' as const, text: said } })
  made.registerPrompt('test_simple_prompt', { description: 'A prompt.' }, () => ({ messages: [says('This is a simple prompt for testing.')] }))
  made.registerPrompt('test_prompt_with_arguments', { description: 'One with arguments.', argsSchema: z.object({ arg1: completable(z.string(), (value) => ['paris', 'park', 'party'].filter((one) => one.startsWith(value))), arg2: z.string() }) }, ({ arg1, arg2 }) => ({ messages: [says(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] }))
  made.registerPrompt('test_prompt_with_embedded_resource', { description: 'One with a resource.', argsSchema: z.object({ resourceUri: z.string() }) }, ({ resourceUri }) => ({
    messages: [{ role: 'user', content: { type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } } }, says('Please process the embedded resource above.')],
  }))
  made.registerPrompt('test_prompt_with_image', { description: 'One with an image.' }, () => ({ messages: [{ role: 'user', content: { type: 'image', data: PIXEL, mimeType: 'image/png' } }, says('Please analyze the image above.')] }))
  made.registerPrompt('test_input_required_result_prompt', { description: 'One that needs input.' }, ({ mcpReq }) => {
    const answer = acceptedContent(mcpReq.inputResponses, 'user_context', z.object({ context: z.string() }))
    return answer === undefined ? inputRequired({ inputRequests: { user_context: asked('What context should the prompt use?', { context: { type: 'string' } }) } }) : { messages: [says(answer.context)] }
  })
}
