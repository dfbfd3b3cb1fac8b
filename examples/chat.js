// A client as you would write it: the openai package, which reads OPENAI_BASE_URL and OPENAI_API_KEY by itself.
//   node examples/chat.js [--model NAME] TEXT
import { parseArgs } from 'node:util'
import OpenAI from 'openai'

const { values, positionals } = parseArgs({ options: { model: { type: 'string', default: 'practice' } }, allowPositionals: true })
const client = new OpenAI()

try {
  const stream = await client.chat.completions.create({
    model: values.model,
    messages: [{ role: 'user', content: positionals.join(' ') }],
    stream: true,
  })
  for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? '')
  process.stdout.write('\n')
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error
  console.log(error.message)
  process.exitCode = 1
}
