import * as z from 'zod'
import { schema } from './schema.ts'

/** What is used here of JSON Schema 2020-12, as zod writes it. */
interface Node {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Node | boolean
  readonly items?: Node
  readonly anyOf?: readonly Node[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
}

/** JSON Schema of what people write in `sallyport.yaml`, for editors: docs/sallyport.schema.json. */
export function jsonSchema(): string {
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return `${JSON.stringify({ title: 'sallyport.yaml', ...made }, undefined, 2)}\n`
}

/** Reference of every setting: docs/configuration.md. */
export function configurationPage(): string {
  const root = JSON.parse(jsonSchema()) as Node
  const sections = Object.entries(root.properties ?? {}).map(([key, node]) => section(key, node))
  return `# Configuration

<!-- Generated from the settings schemas by \`npm run docs\`. Edit the descriptions there. -->

One file, \`sallyport.yaml\`: \`--config FILE\`, else \`$SALLYPORT_CONFIG\`, else the one in the working directory. Without
any, Sallyport uses the providers whose credential is set in the environment (\`OPENAI_API_KEY\`, \`ANTHROPIC_API_KEY\`,
\`GEMINI_API_KEY\`), else its built-in practice model.

\`sallyport check\` reads it exactly as a start would. While Sallyport runs, changes are read again, checked whole and
then put in force; a broken edit changes nothing, and the log says why. Changes of \`listen\` take a restart.

A key that is not listed here is refused. So are duplicate keys, tabs, anchors, aliases and tags. Editors complete and
check the file with [sallyport.schema.json](sallyport.schema.json):

\`\`\`yaml
# yaml-language-server: $schema=docs/sallyport.schema.json
posture: guard
\`\`\`

Durations are written \`500ms\`, \`10s\`, \`5m\`, \`1h\`, sizes \`64KB\`, \`10MB\`, \`1GB\`. In the tables, \`<name>\` stands for a
name of your choice and \`[]\` for each entry of a list.

${sections.join('\n')}`
}

function section(key: string, node: Node): string {
  const rows = below(key, node).map(([path, one, required]) => `| \`${path}\` | ${typeText(one)}${required ? ', required' : ''} | ${describe(one)} |`)
  const intro = node.description === undefined ? '' : `${node.description}\n\n`
  const table = rows.length === 0 ? `${typeText(node)}\n` : `| Key | Value | Meaning |\n|---|---|---|\n${rows.join('\n')}\n`
  return `## ${key}\n\n${intro}${table}`
}

type Row = readonly [path: string, node: Node, required: boolean]

function below(path: string, node: Node): readonly Row[] {
  const rows: Row[] = []
  for (const [key, one] of Object.entries(node.properties ?? {})) {
    rows.push([`${path}.${key}`, one, node.required?.includes(key) === true && one.default === undefined])
    rows.push(...below(`${path}.${key}`, one))
  }
  if (typeof node.additionalProperties === 'object' && !isPlain(node.additionalProperties)) rows.push(...below(`${path}.<name>`, node.additionalProperties))
  if (node.items !== undefined && !isPlain(node.items)) rows.push(...below(`${path}[]`, node.items))
  for (const one of node.anyOf ?? []) if (!isPlain(one)) rows.push(...below(path, one))
  return rows
}

function isPlain(node: Node): boolean {
  return node.properties === undefined && node.items === undefined && node.anyOf === undefined && typeof node.additionalProperties !== 'object'
}

function typeText(node: Node): string {
  if (node.const !== undefined) return `\`${String(node.const as string)}\``
  if (node.enum !== undefined) return node.enum.map((one) => `\`${String(one)}\``).join(' ')
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeText))].join(' or ')
  if (node.items !== undefined) return `list of ${typeText(node.items)}`
  if (node.type === 'object') return typeof node.additionalProperties === 'object' ? `map of ${typeText(node.additionalProperties)}` : 'keys below'
  const { minimum, maximum } = node
  const bounded = minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  return `${words[node.type ?? ''] ?? 'anything'}${bounded ? ` ${minimum}–${maximum}` : ''}`
}

const words: Readonly<Record<string, string>> = { string: 'text', number: 'number', integer: 'whole number', boolean: 'true or false' }

function describe(node: Node): string {
  const usual = node.default === undefined || typeof node.default === 'object' ? '' : ` Default: \`${String(node.default as string)}\`.`
  return `${(node.description ?? '').replaceAll('|', '\\|').replaceAll('\n', ' ')}${usual}`.trim()
}
