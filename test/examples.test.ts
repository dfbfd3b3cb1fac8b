import assert from 'node:assert/strict'
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { ran } from '../src/cli/run.fixture.ts'
import { start } from '../src/main.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** An example as it would be used here: on free ports, with credentials that are none, and no word to the outside. */
function settled(text: string, folder: string): string {
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'not-a-credential')
  const here = text.replaceAll('../policy', join(root, 'policy'))
  const own = here.replace(/file:\/run\/\S+?(?=")/g, `file:${secret}`).replace(/checkpoints: \{.*\}/, 'checkpoints: {}')
  const ports = own.replace(/(data|admin): 127\.0\.0\.1:\d+/g, '$1: "127.0.0.1:0"')
  return ports.includes('listen:') ? ports : `${ports}listen: { data: "127.0.0.1:0", admin: "127.0.0.1:0" }\n`
}

for (const file of globSync('examples/*.yaml', { cwd: root }).sort()) {
  test(`${file} passes sallyport check`, async () => {
    const { code, out } = await ran(['check', '--without-credentials', '--config', file], { cwd: root })
    assert.equal(code, 0, out)
  })

  test(`${file} starts, is ready, and stops`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-example-'))
    try {
      const config = join(folder, 'sallyport.yaml')
      // Files that an example names lie beside it, in a folder of its name.
      const files = join(root, file.replace(/\.yaml$/, ''))
      if (existsSync(files)) cpSync(files, join(folder, basename(files)), { recursive: true })
      writeFileSync(config, settled(readFileSync(join(root, file), 'utf8'), folder))
      const env = { SALLYPORT_HOME: join(folder, 'state'), OPENAI_API_KEY: 'none', ANTHROPIC_API_KEY: 'none', TICKETS_TOKEN: 'none' }
      const house = await start({ config, env, log: () => undefined, terminal: false })
      try {
        const ready = await fetch(`${house.adminUrl}/readyz`)
        assert.equal(ready.status, 200, await ready.text())
      } finally {
        await house.stop()
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
}
