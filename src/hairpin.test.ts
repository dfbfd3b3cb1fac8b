import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hairpin } from './hairpin.ts'

test('a URL that leads back here, however it is written', () => {
  const at = (host: string, port = 8080) => ({ host, port })
  const local = hairpin({ data: at('127.0.0.1'), admin: at('127.0.0.1', 8081) } as never, ['192.168.1.5'])
  for (const url of ['http://127.0.0.1:8080/v1', 'http://localhost:8080', 'http://LOCALHOST:8081', 'http://api.localhost:8080', 'http://127.1:8080', 'http://2130706433:8080', 'http://127.0.0.2:8080', 'http://[::1]:8080', 'http://[::ffff:127.0.0.1]:8080', 'http://0.0.0.0:8080', 'http://[::]:8081']) assert.equal(local(url), true, url)
  for (const url of ['http://127.0.0.1:8082', 'http://localhost', 'https://example.com:8080', 'http://192.168.1.5:8080', 'http://10.0.0.1:8080', 'http://localhost.example.com:8080']) assert.equal(local(url), false, url)
  const everywhere = hairpin({ data: at('0.0.0.0'), admin: at('127.0.0.1', 443) } as never, ['192.168.1.5', 'fd00::5'])
  for (const url of ['http://192.168.1.5:8080', 'http://[fd00::5]:8080', 'http://127.0.0.1:8080', 'https://127.0.0.1', 'https://localhost:443']) assert.equal(everywhere(url), true, url)
  for (const url of ['http://192.168.1.6:8080', 'http://127.0.0.1', 'https://192.168.1.5']) assert.equal(everywhere(url), false, url)
})
