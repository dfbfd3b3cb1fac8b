import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { commands } from '../src/cli/commands.ts'
import { helpOf } from '../src/cli/help.ts'
import { configurationPage, jsonSchema } from '../src/config/reference.ts'
import { ORDER } from '../src/spine.ts'

/** Files that are made from the code, by path: test/docs.ts writes them, test/docs.test.ts sees that they are current. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/sallyport.schema.json', jsonSchema()],
    ['docs/configuration.md', configurationPage()],
    ['docs/path.md', pathPage()],
    ['docs/cli.md', cliPage()],
    ['bin/guard.js', client('guard')],
    ['bin/identity.js', client('identity')],
  ])
}

/** `sallyport/guard` and its like, for programs whose runtime takes no TypeScript out of node_modules. */
function client(name: string): string {
  const source = readFileSync(new URL(`../src/client/${name}.ts`, import.meta.url), 'utf8')
  const plain = ts.transpileModule(source, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } }).outputText
  return `// Generated from src/client/${name}.ts by \`npm run docs\`.\n${plain}`
}

const stations: Readonly<Record<(typeof ORDER)[number], string>> = {
  identify: 'Who calls? From the head of the request alone, so that a stranger\'s body is never collected.',
  read: 'The strict reader makes a tree of the body. What follows sees this tree, and this tree is what is sent.',
  resolve: 'Which targets could serve it, in the order of the route\'s strategy.',
  authorize: 'Policy decides about every candidate, without findings yet. What is refused here never reaches a guardrail.',
  reserve: 'Requests, tokens and cost of the dearest permitted candidate are set aside in every budget, in one step.',
  inspect: 'Guardrails look at every leaf.',
  reauthorize: 'Policy decides again, now with findings and labels. This makes the permit.',
  approve: 'What policy holds waits for a person. A consent sets aside that hold alone, and everything is decided again under the policies of that moment.',
  intent: 'What is about to happen is handed to the audit writer; effects other than generating and reading wait until it is on disk.',
  dial: 'The permitted targets are tried in turn. Nothing that is not in the permit can be dialled.',
  guard: 'The reply is inspected on its way back, and each tool call that it proposes is decided.',
}

/** The order of the steps as it stands in src/spine.ts. */
function pathPage(): string {
  const rows = ORDER.map((name, i) => `| ${i + 1} | \`${name}\` | ${stations[name]} |`)
  return `# The one path

<!-- Generated from ORDER in src/spine.ts by \`npm run docs\`. -->

Everything that an agent does becomes an *exchange* and takes these steps, in this order. The order stands in
\`src/spine.ts\` and nowhere else.

\`\`\`
 wire ─▶ ${ORDER.join(' ─▶ ')}
                                                                        │
 wire ◀─ deliver ◀───────────────────────────────────────────────────────┘
   └─▶ close: settle the budget, write the receipt (always, however it ended)
\`\`\`

| | Step | What happens |
|---|---|---|
${rows.join('\n')}

Any step may refuse; only policy may permit. A step that throws, hangs or returns nonsense is a refusal
(\`step_failed\`, \`step_timeout\`), and the receipt says which. What a caller sees of a refusal: [errors](errors.md).
`
}

/** Every command's own help. */
function cliPage(): string {
  const sections = commands.map((one) => `## ${one.name}\n\n\`\`\`\n${helpOf(one).trimEnd()}\n\`\`\`\n`)
  return `# Command line

<!-- Generated from the commands in src/cli by \`npm run docs\`. -->

In the repository: \`npx sallyport COMMAND\`. Every command has \`--help\` and \`--json\`; results go to stdout, everything else
to stderr; long work shows progress on a terminal and none in a pipe.

| Exit code | Meaning |
|---|---|
| 0 | done |
| 1 | the command worked, and its answer is no: something is wrong, was found, or does not exist |
| 2 | wrong usage |
| 3 | it could not be done; the message says what to do |

\`keys\` and the commands of \`audit\` that change something go through the admin port of the instance that runs on the state
folder; without one they open the state folder themselves. The state folder is \`$SALLYPORT_HOME\`, else the XDG state
folder (\`~/.local/state/sallyport\`); it is never the working directory.

${sections.join('\n')}`
}

/** True when the file on disk is what the code makes now. */
export function isCurrent(path: string, text: string): boolean {
  try {
    return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8') === text
  } catch {
    return false
  }
}
