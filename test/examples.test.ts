import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { ran } from '../src/cli/run.fixture.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

for (const file of globSync('examples/*.yaml', { cwd: root }).sort()) {
  test(`${file} passes sallyport check`, async () => {
    const { code, out } = await ran(['check', '--without-credentials', '--config', file], { cwd: root })
    assert.equal(code, 0, out)
  })
}
