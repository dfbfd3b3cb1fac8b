import { readFileSync } from 'node:fs'
import { configurationPage, jsonSchema } from '../src/config/reference.ts'
import { ORDER } from '../src/spine.ts'

/** Files that are made from the code, by path: test/docs.ts writes them, test/docs.test.ts sees that they are current. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/sallyport.schema.json', jsonSchema()],
    ['docs/configuration.md', configurationPage()],
    ['docs/path.md', pathPage()],
  ])
}

const stations: Readonly<Record<(typeof ORDER)[number], string>> = {
  identify: 'Who calls? From the head of the request alone, so that a stranger\'s body is never collected.',
  read: 'The strict reader makes a tree of the body. What follows sees this tree, and this tree is what is sent.',
  resolve: 'Which targets could serve it, in the order of the route\'s strategy.',
  authorize: 'Policy decides about every candidate, without findings yet. What is refused here never reaches a guardrail.',
  reserve: 'Requests, tokens and cost of the dearest permitted candidate are set aside in every budget, in one step.',
  inspect: 'Guardrails look at every leaf.',
  reauthorize: 'Policy decides again, now with findings and labels. This makes the permit.',
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

/** True when the file on disk is what the code makes now. */
export function isCurrent(path: string, text: string): boolean {
  try {
    return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8') === text
  } catch {
    return false
  }
}
