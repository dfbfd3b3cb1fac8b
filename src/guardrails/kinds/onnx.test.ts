import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openFolder } from '../classifiers/folder.ts'
import { makeGuard } from '../engine.ts'
import { asked, clock, segment, signal } from '../guard.fixture.ts'
import { guardrails } from '../list.ts'
import { settleGuardrails } from '../settings.ts'
import { fakeModels } from './models.fixture.ts'
import { writeClassifier } from './onnx.fixture.ts'

const base = mkdtempSync(join(tmpdir(), 'sallyport-onnx-'))
after(() => rmSync(base, { recursive: true, force: true }))
writeClassifier(join(base, 'mood'))

const guardFor = (more: object, models = fakeModels()) => {
  const settings = settleGuardrails([{ use: 'onnx', name: 'mood', folder: 'mood', labels: { 'Bad News': 0.9 }, ...more } as never], 'guard', guardrails, { base, env: {} })
  return makeGuard({ ...settings, entries: settings.entries.filter(({ use }) => use === 'mood') }, { clock, cacheBytes: 0, guardrails: settings.made ?? [], tools: { models } })
}

test('a real classifier folder: its labels are findings from their thresholds on', async () => {
  const opened = await openFolder(join(base, 'mood'), {})
  const models = fakeModels({
    async custom(folder, text) {
      assert.equal(folder, join(base, 'mood'))
      const found = await opened.classify(text)
      return Object.fromEntries(opened.labels.map((label, i) => [label, found[i] ?? 0]))
    },
  })
  const ask = async (text: string, more: object = {}) => guardFor({ timeout: '1m', ...more }, models).inspect(asked(), [segment(text)], 'request', signal)
  const bad = await ask('What an awful day')
  assert.equal(bad.refusal?.refuse, 'content_refused')
  assert.deepEqual(bad.findings.map(({ category, rule }) => [category, rule]), [['bad_news', 'onnx:Bad News']])
  const fine = await ask('A good day')
  assert.equal(fine.verdict, 'allow')
  assert.ok((fine.scores?.['mood'] ?? 1) < 0.1)
  assert.equal((await ask(`${'a good day '.repeat(200)}awful`)).verdict, 'deny')
})

test('a label that the model says nothing about is a failure, not a pass', async () => {
  const { refusal } = await guardFor({}).inspect(asked(), [segment('hello')], 'request', signal)
  assert.equal(refusal?.refuse, 'guard_failed')
})

test('what a folder lacks is said when settings are read', () => {
  const cut = (name: string): string => {
    writeClassifier(join(base, 'cut'))
    rmSync(join(base, 'cut', name))
    return 'cut'
  }
  assert.throws(() => guardFor({ folder: 'absent' }), /absent.config\.json is missing/)
  assert.throws(() => guardFor({ folder: cut('model.onnx') }), /holds no model/)
  assert.throws(() => guardFor({ folder: cut('tokenizer.json') }), /tokenizer\.json is missing/)
  assert.throws(() => guardFor({ labels: { sad: 0.5 } }), /no label "sad"; it has fine, Bad News/)
  assert.throws(() => guardFor({ labels: {} }), /at least one label/)
  assert.throws(() => guardFor({ labels: undefined }), /labels/)
})
