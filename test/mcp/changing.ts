import { readFileSync, writeFileSync } from 'node:fs'
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { CallToolRequestSchema, GetPromptRequestSchema, ListPromptsRequestSchema, ListResourcesRequestSchema, ListResourceTemplatesRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js'

/** What a server of `startChanging` says of itself, read anew before each answer. */
export interface Definitions {
  readonly instructions?: string
  readonly info?: Readonly<Record<string, unknown>>
  readonly tools?: readonly Readonly<Record<string, unknown>>[]
  readonly prompts?: readonly Readonly<Record<string, unknown>>[]
  readonly resources?: readonly Readonly<Record<string, unknown>>[]
  readonly templates?: readonly Readonly<Record<string, unknown>>[]
}

/** An MCP server made with the official SDK, over standard streams, that says what a file says, and tells when it changed. */
export async function runChanging(file: string): Promise<void> {
  writeFileSync(`${file}.pid`, String(process.pid))
  let text = readFileSync(file, 'utf8')
  const first = JSON.parse(text) as Definitions
  const server = new Server({ name: 'changing', version: '1.0.0', ...first.info }, {
    capabilities: { tools: { listChanged: true }, ...(first.prompts && { prompts: {} }), ...(first.resources && { resources: {} }) },
    ...(first.instructions !== undefined && { instructions: first.instructions }),
  })
  const now = async (): Promise<Definitions> => {
    const read = readFileSync(file, 'utf8')
    if (read !== text) {
      text = read
      await server.sendToolListChanged()
    }
    return JSON.parse(text) as Definitions
  }
  server.setRequestHandler(ListToolsRequestSchema, async () => ({ tools: (await now()).tools ?? [] }) as never)
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => (await now(), { content: [{ type: 'text', text: `${params.name} was called` }] }))
  if (first.prompts) {
    server.setRequestHandler(ListPromptsRequestSchema, async () => ({ prompts: (await now()).prompts ?? [] }) as never)
    server.setRequestHandler(GetPromptRequestSchema, () => ({ messages: [] }))
  }
  if (first.resources) {
    server.setRequestHandler(ListResourcesRequestSchema, async () => ({ resources: (await now()).resources ?? [] }) as never)
    server.setRequestHandler(ListResourceTemplatesRequestSchema, async () => ({ resourceTemplates: (await now()).templates ?? [] }) as never)
  }
  await server.connect(new StdioServerTransport())
}
