import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeLog } from './log.ts'
import { settleTelemetry } from './settings.ts'

function logged(settings: Parameters<typeof settleTelemetry>[0] = { log_format: 'json' }): { log: ReturnType<typeof makeLog>; lines: string[] } {
  const lines: string[] = []
  return { log: makeLog({ settings: settleTelemetry(settings), terminal: false, write: (line) => lines.push(line) }), lines }
}

test('an event comes out as one JSON line with the fields of the catalogue', () => {
  const { log, lines } = logged()
  log('refused', { id: 'x1', code: 'denied', status: 403, took: 2 })
  assert.equal(lines.length, 1)
  const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/)
  assert.deepEqual(rest, { level: 'info', id: 'x1', code: 'denied', status: 403, took: 2, event: 'refused' })
})

test('what the catalogue does not list never reaches the log', () => {
  const { log, lines } = logged()
  log('refused', { id: 'x1', prompt: 'my card number is 4111' } as never)
  assert.doesNotMatch(lines[0] ?? '', /4111|prompt/)
})

test('credentials are masked wherever they stand', () => {
  const { log, lines } = logged()
  for (const secret of ['sk-proj-abcdefghijklmnop1234', 'Bearer abc.def.ghi', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', 'AIzaSyA-1234567890abcdefg']) {
    log('refused', { route: `x ${secret} y` })
    log('defect', { step: 'read', error: new Error(`upstream said ${secret}`) })
  }
  for (const line of lines) assert.match(line, /\[credential\]/)
  assert.doesNotMatch(lines.join(''), /abcdefghijklmnop|abc\.def|c2ln|1234567890/)
})

test('the message of an error loses what it quotes', () => {
  const { log, lines } = logged()
  try {
    JSON.parse('{"ssn": 078-05-1120')
  } catch (error) {
    log('defect', { step: 'read', error })
  }
  assert.doesNotMatch(lines[0] ?? '', /078/)
  assert.match(lines[0] ?? '', /SyntaxError/)
  assert.match(lines[0] ?? '', /src\/telemetry\/log\.test\.ts/)
})

test('a line feed in a word cannot forge a line', () => {
  const { log, lines } = logged({ log_format: 'lines' })
  log('refused', { route: 'a\n12:00:00 error forged' })
  assert.equal(lines[0]?.split('\n').length, 2)
})

test('events below the level are not written', () => {
  const { log, lines } = logged({ log: 'warn', log_format: 'json' })
  log('answered', {})
  log('refused', {})
  log('practice')
  assert.equal(lines.length, 1)
})
