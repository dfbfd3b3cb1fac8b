/**
 * Turns texts into the features of the fast classifier with the product's own code, so that training and product can
 * not drift apart. In: JSON lines {"text"}. Out: for each window of each text, little-endian 32-bit numbers: row,
 * count, then as many buckets.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { features } from '../src/guardrails/classifiers/fast.ts'
import { windowsOf } from '../src/guardrails/classifiers/windows.ts'
import { viewOf } from '../src/guardrails/normalise/view.ts'

const [from, to] = process.argv.slice(2)
if (from === undefined || to === undefined) throw new Error('usage: features.ts IN.jsonl OUT.bin')

const out = createWriteStream(to)
let row = 0
for await (const line of createInterface({ input: createReadStream(from) })) {
  const { text } = JSON.parse(line) as { text: string }
  const folded = viewOf(text)?.text ?? text
  for (const { start, end } of windowsOf(folded)) {
    const buckets: number[] = [row, 0]
    buckets[1] = features(folded.slice(start, end), (bucket) => buckets.push(bucket))
    if (!out.write(Buffer.from(Int32Array.from(buckets).buffer))) await new Promise((drained) => out.once('drain', drained))
  }
  row++
}
out.end()
