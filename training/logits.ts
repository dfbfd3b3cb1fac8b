/**
 * What the exported models say about texts through the product's own windows, readings and eight-bit weights. In: JSON
 * lines {"text","channel"}. Out: JSON lines {"fast":{head:logit},"deep":{output:logit}}, in the same order. The card
 * must hold the identity calibration (slope 1, offset 0).
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { openModels } from '../src/guardrails/classifiers/models.ts'
import type { Channel } from '../src/guardrails/tools.ts'

const [folder, from, to] = process.argv.slice(2)
if (folder === undefined || from === undefined || to === undefined) throw new Error('usage: logits.ts MODELS IN.jsonl OUT.jsonl')

const WINDOWS = 24
const AHEAD = 32
const models = openModels(folder, 2)
const out = createWriteStream(to)
const signal = new AbortController().signal

function logitsOf(spots: Readonly<Record<string, { readonly score: number }>>): Record<string, number> {
  return Object.fromEntries(Object.entries(spots).map(([output, { score }]) => [output, Math.log(Math.max(score, 1e-12) / Math.max(1 - score, 1e-12))]))
}

async function answer(line: string): Promise<string> {
  const { text, channel } = JSON.parse(line) as { text: string; channel: Channel }
  const [fast, deep] = await Promise.all([models.score(text, channel, 'fast', { windows: 0 }, signal), models.score(text, channel, 'always', { windows: WINDOWS }, signal)])
  return `${JSON.stringify({ fast: logitsOf(fast.spots), deep: logitsOf(deep.spots) })}\n`
}

const waiting: Promise<string>[] = []
let done = 0
const write = async (): Promise<void> => {
  out.write(await (waiting.shift() as Promise<string>))
  if (++done % 1000 === 0) process.stderr.write(`${done} texts\n`)
}
for await (const line of createInterface({ input: createReadStream(from) })) {
  waiting.push(answer(line))
  if (waiting.length >= AHEAD) await write()
}
while (waiting.length > 0) await write()
await new Promise<void>((ended) => out.end(ended))
await models.close()
