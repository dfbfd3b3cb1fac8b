/** A conversation as people think of it, and how each dialect of the model gateway writes it. */
export type Turn =
  | { readonly system: string }
  | { readonly user: string }
  | { readonly assistant: string }
  | { readonly call: string; readonly id: string; readonly args?: object }
  /** `said`: texts of one result, or parts as the dialect has them. */
  | { readonly result: string; readonly id: string; readonly said: string | readonly string[] }
  | { readonly raw: object }

/** What the model answers. */
export interface Answer {
  readonly text?: string
  readonly calls?: readonly { readonly name: string; readonly args: object | string }[]
}

export interface Dialect {
  readonly path: (stream: boolean) => string
  readonly request: (turns: readonly Turn[], stream: boolean) => object
  readonly whole: (answer: Answer) => object
  /** Data of server-sent events, every text and every argument in pieces of so many letters. */
  readonly streamed: (answer: Answer, piece: number) => readonly string[]
}

export interface Frame {
  readonly event?: string
  readonly data: unknown
}

const argsOf = (args: object | string): string => (typeof args === 'string' ? args : JSON.stringify(args))
const cut = (text: string, piece: number): readonly string[] => Array.from({ length: Math.ceil(text.length / piece) }, (_, index) => text.slice(index * piece, (index + 1) * piece))
const frames = (all: readonly Frame[]): readonly string[] => all.map(({ event, data }) => `${event === undefined ? '' : `event: ${event}\n`}data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
const listOf = (said: string | readonly string[]): readonly string[] => (typeof said === 'string' ? [said] : said)

const names = ['read_page', 'read_notes', 'open_safe', 'contacts', 'send_mail', 'run_command', 'fetch_page', 'show', 'mcp__desk__open_safe']

const chat: Dialect = {
  path: () => '/v1/chat/completions',
  request: (turns, stream) => ({
    model: 'o', stream,
    tools: names.map((name) => ({ type: 'function', function: { name, parameters: { type: 'object' } } })),
    messages: turns.map((turn) => {
      if ('raw' in turn) return turn.raw
      if ('system' in turn) return { role: 'system', content: turn.system }
      if ('user' in turn) return { role: 'user', content: turn.user }
      if ('assistant' in turn) return { role: 'assistant', content: turn.assistant }
      if ('call' in turn) return { role: 'assistant', content: null, tool_calls: [{ id: turn.id, type: 'function', function: { name: turn.call, arguments: JSON.stringify(turn.args ?? {}) } }] }
      return { role: 'tool', tool_call_id: turn.id, content: typeof turn.said === 'string' ? turn.said : turn.said.map((text) => ({ type: 'text', text })) }
    }),
  }),
  whole: ({ text, calls = [] }) => ({ id: 'a', object: 'chat.completion', created: 1, model: 'o', choices: [{ index: 0, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop', message: { role: 'assistant', content: text ?? null, ...(calls.length > 0 && { tool_calls: calls.map(({ name, args }, index) => ({ id: `n${index}`, type: 'function', function: { name, arguments: argsOf(args) } })) }) } }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }),
  streamed: ({ text = '', calls = [] }, piece) => {
    const chunk = (delta: object, finish: string | null = null): Frame => ({ data: { id: 'a', object: 'chat.completion.chunk', created: 1, model: 'o', choices: [{ index: 0, delta, finish_reason: finish }] } })
    return frames([
      chunk({ role: 'assistant', content: '' }),
      ...cut(text, piece).map((content) => chunk({ content })),
      ...calls.flatMap(({ name, args }, index) => [chunk({ tool_calls: [{ index, id: `n${index}`, type: 'function', function: { name, arguments: '' } }] }), ...cut(argsOf(args), piece).map((part) => chunk({ tool_calls: [{ index, function: { arguments: part } }] }))]),
      chunk({}, calls.length > 0 ? 'tool_calls' : 'stop'),
      { data: '[DONE]' },
    ])
  },
}

const responses: Dialect = {
  path: () => '/v1/responses',
  request: (turns, stream) => ({
    model: 'o', stream, store: false,
    tools: names.map((name) => ({ type: 'function', name, parameters: { type: 'object' } })),
    input: turns.map((turn) => {
      if ('raw' in turn) return turn.raw
      if ('system' in turn) return { role: 'developer', content: turn.system }
      if ('user' in turn) return { role: 'user', content: turn.user }
      if ('assistant' in turn) return { role: 'assistant', content: [{ type: 'output_text', text: turn.assistant }] }
      if ('call' in turn) return { type: 'function_call', call_id: turn.id, name: turn.call, arguments: JSON.stringify(turn.args ?? {}) }
      return { type: 'function_call_output', call_id: turn.id, output: typeof turn.said === 'string' ? turn.said : turn.said.map((text) => ({ type: 'input_text', text })) }
    }),
  }),
  whole: ({ text, calls = [] }) => ({ id: 'a', object: 'response', created_at: 1, status: 'completed', model: 'o', output: [...(text === undefined ? [] : [message(text)]), ...calls.map(called)], usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } }),
  streamed: ({ text, calls = [] }, piece) => {
    let sequence = 0
    const event = (type: string, more: object): Frame => ({ event: type, data: { type, sequence_number: sequence++, ...more } })
    const shell = { id: 'a', object: 'response', created_at: 1, model: 'o' }
    const output = [...(text === undefined ? [] : [message(text)]), ...calls.map(called)]
    const shift = text === undefined ? 0 : 1
    return frames([
      event('response.created', { response: { ...shell, status: 'in_progress', output: [] } }),
      ...(text === undefined ? [] : [
        event('response.output_item.added', { output_index: 0, item: { ...message(''), status: 'in_progress', content: [] } }),
        event('response.content_part.added', { item_id: 'm', output_index: 0, content_index: 0, part: { type: 'output_text', text: '', annotations: [] } }),
        ...cut(text, piece).map((delta) => event('response.output_text.delta', { item_id: 'm', output_index: 0, content_index: 0, delta })),
        event('response.output_text.done', { item_id: 'm', output_index: 0, content_index: 0, text }),
        event('response.content_part.done', { item_id: 'm', output_index: 0, content_index: 0, part: { type: 'output_text', text, annotations: [] } }),
        event('response.output_item.done', { output_index: 0, item: message(text) }),
      ]),
      ...calls.flatMap((call, index) => {
        const item = called(call, index)
        return [
          event('response.output_item.added', { output_index: index + shift, item: { ...item, arguments: '', status: 'in_progress' } }),
          ...cut(item.arguments, piece).map((delta) => event('response.function_call_arguments.delta', { item_id: item.id, output_index: index + shift, delta })),
          event('response.function_call_arguments.done', { item_id: item.id, output_index: index + shift, arguments: item.arguments }),
          event('response.output_item.done', { output_index: index + shift, item }),
        ]
      }),
      event('response.completed', { response: { ...shell, status: 'completed', output, usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 } } }),
    ])
  },
}
const message = (text: string): object => ({ id: 'm', type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text, annotations: [] }] })
const called = ({ name, args }: { readonly name: string; readonly args: object | string }, index: number) => ({ id: `f${index}`, type: 'function_call', status: 'completed', call_id: `n${index}`, name, arguments: argsOf(args) })

const anthropic: Dialect = {
  path: () => '/anthropic/v1/messages',
  request: (turns, stream) => {
    const system = turns.flatMap((turn) => ('system' in turn ? [turn.system] : []))
    return {
      model: 'a', max_tokens: 100, stream,
      ...(system.length > 0 && { system: system.join('\n') }),
      tools: names.map((name) => ({ name, input_schema: { type: 'object' } })),
      messages: turns.flatMap((turn) => {
        if ('raw' in turn) return [turn.raw]
        if ('system' in turn) return []
        if ('user' in turn) return [{ role: 'user', content: turn.user }]
        if ('assistant' in turn) return [{ role: 'assistant', content: turn.assistant }]
        if ('call' in turn) return [{ role: 'assistant', content: [{ type: 'tool_use', id: turn.id, name: turn.call, input: turn.args ?? {} }] }]
        return [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: turn.id, content: typeof turn.said === 'string' ? turn.said : turn.said.map((text) => ({ type: 'text', text })) }] }]
      }),
    }
  },
  whole: ({ text, calls = [] }) => ({ id: 'a', type: 'message', role: 'assistant', model: 'a', stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn', stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 }, content: [...(text === undefined ? [] : [{ type: 'text', text }]), ...calls.map(({ name, args }, index) => ({ type: 'tool_use', id: `n${index}`, name, input: typeof args === 'string' ? JSON.parse(args) as object : args }))] }),
  streamed: ({ text, calls = [] }, piece) => {
    const event = (type: string, more: object): Frame => ({ event: type, data: { type, ...more } })
    const shift = text === undefined ? 0 : 1
    return frames([
      event('message_start', { message: { id: 'a', type: 'message', role: 'assistant', model: 'a', content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } } }),
      ...(text === undefined ? [] : [event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }), ...cut(text, piece).map((part) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: part } })), event('content_block_stop', { index: 0 })]),
      ...calls.flatMap(({ name, args }, index) => [
        event('content_block_start', { index: index + shift, content_block: { type: 'tool_use', id: `n${index}`, name, input: {} } }),
        ...cut(argsOf(args), piece).map((part) => event('content_block_delta', { index: index + shift, delta: { type: 'input_json_delta', partial_json: part } })),
        event('content_block_stop', { index: index + shift }),
      ]),
      event('message_delta', { delta: { stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } }),
      event('message_stop', {}),
    ])
  },
}

const gemini: Dialect = {
  path: (stream) => `/gemini/v1beta/models/g:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
  request: (turns) => {
    const system = turns.flatMap((turn) => ('system' in turn ? [turn.system] : []))
    return {
      ...(system.length > 0 && { systemInstruction: { parts: system.map((text) => ({ text })) } }),
      tools: [{ functionDeclarations: names.map((name) => ({ name, parameters: { type: 'OBJECT' } })) }],
      contents: turns.flatMap((turn) => {
        if ('raw' in turn) return [turn.raw]
        if ('system' in turn) return []
        if ('user' in turn) return [{ role: 'user', parts: [{ text: turn.user }] }]
        if ('assistant' in turn) return [{ role: 'model', parts: [{ text: turn.assistant }] }]
        if ('call' in turn) return [{ role: 'model', parts: [{ functionCall: { name: turn.call, args: turn.args ?? {} } }] }]
        return [{ role: 'user', parts: [{ functionResponse: { name: turn.result, response: typeof turn.said === 'string' ? { output: turn.said } : Object.fromEntries(listOf(turn.said).map((text, index) => [`part${index}`, text])) } }] }]
      }),
    }
  },
  whole: (answer) => candidate(partsOf(answer), 'STOP'),
  streamed: ({ text = '', calls = [] }, piece) => frames([...cut(text, piece).map((part) => ({ data: candidate([{ text: part }]) })), ...(calls.length > 0 ? [{ data: candidate(partsOf({ calls })) }] : []), { data: candidate([{ text: '' }], 'STOP') }]),
}
const partsOf = ({ text, calls = [] }: Answer): readonly object[] => [...(text === undefined ? [] : [{ text }]), ...calls.map(({ name, args }) => ({ functionCall: { name, args: typeof args === 'string' ? JSON.parse(args) as object : args } }))]
const candidate = (parts: readonly object[], finish?: string): object => ({ candidates: [{ index: 0, content: { role: 'model', parts }, ...(finish !== undefined && { finishReason: finish }) }], usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 }, modelVersion: 'g' })

export const dialects = { chat, responses, messages: anthropic, gemini } as const
