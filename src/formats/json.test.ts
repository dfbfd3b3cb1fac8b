import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { caseVariant, fromPlain, JsonError, type JsonReason, parseJson, toPlain, writeJson } from './json.ts'
import { Lexeme, type Tree } from './tree.ts'

const limits = { depth: 32 }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function refused(input: Uint8Array | string, reason: JsonReason, within: { depth: number; nodes?: number } = limits): void {
  assert.throws(
    () => parseJson(input, within),
    (error: unknown) => error instanceof JsonError && error.reason === reason,
    `${reason}: ${typeof input === 'string' ? input.slice(0, 60) : Buffer.from(input).toString('latin1').slice(0, 60)}`,
  )
}

test('what JSON.stringify writes is read as JSON.parse reads it, and written back the same', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      let expected: string
      try {
        expected = writeJson(parseJson(text, limits))
      } catch (error) {
        // Generated keys may be __proto__; nothing else may be refused.
        assert.ok(error instanceof JsonError && error.reason === 'forbidden_key')
        return
      }
      assert.deepEqual(toPlain(parseJson(bytes(text), limits)), JSON.parse(text))
      assert.equal(writeJson(parseJson(expected, limits)), expected)
    }),
    { numRuns: 500 },
  )
})

test('any string survives the way through, whatever its length and however it was escaped', () => {
  const unit = fc.string({ unit: 'grapheme', maxLength: 90 })
  fc.assert(
    fc.property(unit, (text) => {
      assert.equal(parseJson(JSON.stringify(text), limits), text)
      const escaped = '"' + Array.from({ length: text.length }, (_, at) => '\\u' + text.charCodeAt(at).toString(16).padStart(4, '0')).join('') + '"'
      assert.equal(parseJson(bytes(escaped), limits), text)
      assert.equal(writeJson(text), JSON.stringify(text))
    }),
    { numRuns: 500 },
  )
})

test('accepts exactly what JSON.parse accepts, apart from what is refused on purpose', () => {
  const pieces = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '"b\\n"', '1', '-', '0', '.5', 'e', '1e5', 'true', 'nul', 'null', ' ', '\n', '\\', '\u0001', '\u00a0', 'x')
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 9 }), (parts) => {
      const text = parts.join('')
      let plain: unknown
      let sound = true
      try {
        plain = JSON.parse(text)
      } catch {
        sound = false
      }
      try {
        const tree = parseJson(text, limits)
        assert.ok(sound, `accepted ${JSON.stringify(text)}`)
        assert.deepEqual(toPlain(tree), plain)
      } catch (error) {
        assert.ok(error instanceof JsonError)
        const onPurpose: JsonReason[] = ['duplicate_key', 'number']
        assert.ok(!sound || onPurpose.includes(error.reason), `refused ${JSON.stringify(text)}: ${error.reason}`)
      }
    }),
    { numRuns: 5_000 },
  )
})

test('numbers keep their spelling, and are plain where printing gives it back', () => {
  for (const text of ['0', '1', '-1', '1.5', '-0.25', '123456789012345', '9007199254740991', '1e+21', '5e-324'])
    assert.equal(typeof parseJson(text, limits), 'number', text)
  for (const text of ['-0', '1.0', '1e5', '1E5', '-0.0', '12345678901234567890', '0.10', '9007199254740993', '1e21'])
    assert.ok(parseJson(text, limits) instanceof Lexeme, text)
  fc.assert(
    fc.property(fc.stringMatching(/^-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][-+]?[0-9]{1,2})?$/), (text) => {
      const tree = parseJson(`[${text}]`, limits)
      assert.equal(writeJson(tree), `[${text}]`)
      assert.deepEqual(toPlain(tree), [Number(text)])
    }),
    { numRuns: 500 },
  )
  for (const text of ['01', '-01', '1e999', '-1e999', '9'.repeat(401)]) refused(text, 'number')
  for (const text of ['+1', '.5', '[0x10]', 'NaN', 'Infinity', '-x', '1.x', '1ex', '1e+x']) refused(text, 'syntax')
  for (const text of ['-', '1.', '1e', '1e+']) refused(text, 'truncated')
})

test('keys keep their order, integer-like ones too', () => {
  const text = '{"b":1,"10":2,"2":3,"a":{"z":[],"1":{}}}'
  assert.equal(writeJson(parseJson(text, limits)), text)
})

test('refuses keys on which two readers could disagree', () => {
  refused('{"a":1,"a":2}', 'duplicate_key')
  refused('{"a":1,"\\u0061":2}', 'duplicate_key')
  refused('{"x":{"messages":[],"b":{},"messages":[1]}}', 'duplicate_key')
  refused('{"__proto__":{}}', 'forbidden_key')
  refused('[{"a":{"__prot\\u006f__":1}}]', 'forbidden_key')
  assert.deepEqual(toPlain(parseJson('{"constructor":1,"toString":2}', limits)), { constructor: 1, toString: 2 })
})

test('refuses bytes that are not UTF-8, and byte order marks', () => {
  for (const bad of [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22], [0xff, 0xfe, 0x31, 0x00]])
    refused(Uint8Array.from(bad), 'encoding')
  refused(Uint8Array.from([0xef, 0xbb, 0xbf, 0x31]), 'bom')
  refused('\ufeff{}', 'bom')
  refused('{}\ufeff', 'trailing')
})

test('refuses surrogates without their partner, raw and escaped', () => {
  for (const text of ['"\\ud800"', '"\\udc00\\ud800"', '{"\\udfff":1}', `"${'a'.repeat(50)}\\ud83d"`, '"\\ud83d\\n"']) refused(text, 'lone_surrogate')
  refused('"\ud800"', 'lone_surrogate')
  assert.equal(parseJson('"\\ud83d\\ude00"', limits), '😀')
})

test('refuses control characters and unknown escapes in strings', () => {
  const pad = 'p'.repeat(60)
  for (const lead of ['', pad]) {
    for (const control of ['\n', '\t', '\u0000', '\u001f']) refused(`["${lead}${control}"]`, 'control')
    for (const escape of ['\\x41', '\\u12g4', "\\'", '\\u12']) refused(`["${lead}${escape}"]`, 'escape')
  }
  assert.equal(parseJson('"\u007f\u2028"', limits), '\u007f\u2028')
})

test('refuses what ends early and what goes on', () => {
  for (const text of ['{', '[', '[1', '{"a"', '{"a":', '{"a":1', '"abc', '"abc\\"', '"\\', `"${'a'.repeat(99)}`, '[1,', '{"a":1,']) refused(text, 'truncated')
  for (const text of ['{} {}', '1 2', 'null,', '[]]', '"a""b"']) refused(text, 'trailing')
  for (const text of ['', ' \n\t']) refused(text, 'empty')
  for (const text of ['[1,]', '{"a":1,}', '[,]', '{,}', "{'a':1}", '{a:1}', '[1 2]', '{"a" 1}', 'tru', '// c', '[/**/]', '\u00a01', '\v1']) refused(text, 'syntax')
})

test('is bounded in depth and in values', () => {
  assert.ok(parseJson('['.repeat(32) + ']'.repeat(32), limits))
  refused('['.repeat(33) + ']'.repeat(33), 'depth')
  refused('{"a":'.repeat(33) + '1' + '}'.repeat(33), 'depth')
  refused('['.repeat(1_000_000), 'depth', { depth: 1e9 })
  assert.ok(parseJson('[1,2,3]', { depth: 2, nodes: 4 }))
  refused('[1,2,3]', 'nodes', { depth: 2, nodes: 3 })
  refused('{"a":{},"b":{}}', 'nodes', { depth: 2, nodes: 2 })
})

test('many escaped quotes and backslashes cost linear work', () => {
  const text = '\\"'.repeat(400_000)
  assert.equal((parseJson(JSON.stringify(text), limits) as string).length, 800_000)
})

test('the writer refuses numbers that JSON cannot express', () => {
  for (const value of [NaN, Infinity, -Infinity]) assert.throws(() => writeJson([value]), TypeError)
})

test('plain values become trees and back', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const there = JSON.stringify(toPlain(fromPlain(value)))
      assert.equal(there, JSON.stringify(value))
    }),
  )
  assert.equal(writeJson(fromPlain({ a: undefined, b: [undefined], c: 12345678901234567890n, d: new Map([['e', 1]]) })), '{"b":[null],"c":12345678901234567890,"d":{"e":1}}')
  for (const value of [() => 1, Symbol('s'), NaN, new Date(0), undefined]) assert.throws(() => fromPlain(value), TypeError)
})

test('finds keys that only case folding makes known', () => {
  const known = new Set(['model', 'messages', 'max_tokens', 'generationConfig', 'key'])
  const variant = (key: string): string | undefined => caseVariant(new Map<string, Tree>([['model', 'm'], [key, 1]]), known)
  for (const key of ['Model', 'MESSAGES', 'Max_Tokens', 'generationconfig', 'meſſages', '\u212aey']) assert.equal(variant(key), key)
  for (const key of ['model', 'generationConfig', 'max-tokens', 'user', '']) assert.equal(variant(key), undefined)
})
