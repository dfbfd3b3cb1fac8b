import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readCard } from './card.ts'

const HEADS = ['injection', 'jailbreak', 'harmful', 'toxicity']
const OUTPUTS = [...HEADS, 'hate', 'harassment', 'threat', 'sexual', 'violence', 'self_harm', 'profanity']

function card(files: Readonly<Record<string, string>>): object {
  const each = <T>(names: readonly string[], value: T): Record<string, T> => Object.fromEntries(names.map((name) => [name, value]))
  const levels = { user: [0.9, 0.5, 0.3, 0.1], document: [0.9, 0.5, 0.3, 0.1], tool_definition: [0.9, 0.5, 0.3, 0.1], assistant: [0.9, 0.5, 0.3, 0.1] }
  return {
    version: 'test', files, tokens: { begin: 0, end: 2, pad: 1 }, outputs: OUTPUTS, tags: ['O'], fast: { scale: [1, 1, 1, 1], bias: [0, 0, 0, 0] },
    calibration: { fast: each(HEADS, [1, 0]), deep: each(OUTPUTS, [1, 0]) }, thresholds: { fast: each(HEADS, levels), deep: each(OUTPUTS, levels) },
    grey: { user: 0.1, document: 0.1, tool_definition: 0.1, assistant: 0.1 },
  }
}

test('a models folder is read whole or refused with the name of what is wrong', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'models-'))
  try {
    assert.throws(() => readCard(folder), /card\.json cannot be read/)
    await writeFile(join(folder, 'card.json'), '{')
    assert.throws(() => readCard(folder), /is not JSON/)
    await writeFile(join(folder, 'card.json'), '{}')
    assert.throws(() => readCard(folder), /card\.json is not what this version reads/)
    await writeFile(join(folder, 'fast.bin'), 'weights')
    const hash = createHash('sha256').update('weights').digest('hex')
    await writeFile(join(folder, 'card.json'), JSON.stringify(card({ 'fast.bin': hash })))
    assert.equal(readCard(folder).version, 'test')
    await writeFile(join(folder, 'fast.bin'), 'weightz')
    assert.throws(() => readCard(folder), /fast\.bin is not the file that card\.json names/)
    await rm(join(folder, 'fast.bin'))
    assert.throws(() => readCard(folder), /fast\.bin cannot be read/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
