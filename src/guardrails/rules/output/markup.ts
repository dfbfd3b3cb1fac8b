import type { Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { unsafe } from './kind.ts'

const ACTS = /document\.(?:cookie|domain|write|location)|alert\s?\(|prompt\s?\(|confirm\s?\(|eval\s?\(|fetch\s?\(|atob\s?\(|new\s+image|xmlhttprequest|localstorage|sessionstorage|sendbeacon|location\s?=|location\.(?:href|replace)|string\.fromcharcode|import\s?\(|\.src\s?=/i
const STEALS = /document\.cookie|localstorage|sessionstorage|sendbeacon|new\s+image/i

const script = phrase({
  kind: unsafe('inline_script', 'script_injection', 0.93),
  across: true,
  literals: ['<script'],
  pattern: /^<script\b[^>]{0,120}>[^]{0,110}/i,
  weigh(before, found, after) {
    const said = found + after
    // What closes a quotation or a tag first was written into somebody else's page.
    if (/(?:["'][\s)]{0,2}\/?>|-->|<\/(?:title|textarea|style|script)>)\s{0,3}$/i.test(before) && ACTS.test(said)) return 0.93
    if (STEALS.test(said) && /https?:|\/\/|fetch|\.src/i.test(said)) return 0.9
    return /alert\s?\(\s?(?:1|document|'xss|"xss|`xss|\/xss)/i.test(said) ? 0.9 : 0.6
  },
})

const handler = phrase({
  kind: unsafe('event_handler', 'script_injection', 0.9, 0.6),
  literals: ['onerror', 'onload', 'onmouseover', 'onfocus', 'onclick', 'ontoggle', 'onanimationstart', 'onpointer', 'onbegin', 'onstart', 'onwheel', 'oninput', 'onhashchange', 'onpageshow', 'onmouseenter', 'onblur'],
  pattern: /^on\w{4,16}\s{0,2}=\s{0,2}\\?["'`]?[^\n<>]{0,120}/i,
  weigh(before, found) {
    if (!/<[a-z][^<>]{0,110}$/i.test(before) && !/["'][\s/]{1,3}$/.test(before)) return 0
    const broken = /<(?:img|image|video|audio|source|object|input)\b[^<>]{0,60}\bsrc\s?=\s?["']?(?:x|1|#|\/|_|a|invalid|none)?["']?[\s/]{1,2}$/i.test(before) || /<(?:svg|body|details|marquee|math|style|iframe)[\s/][^<>]{0,40}$/i.test(before)
    if (!ACTS.test(found)) return /^onclick|^oninput|^onload/i.test(found) ? 0.2 : 0.5
    return broken || STEALS.test(found) ? undefined : /^on(?:click|input|load|blur|focus)/i.test(found) ? 0.5 : 0.8
  },
})

const address = phrase({
  kind: unsafe('script_address', 'script_injection', 0.9, 0.6),
  literals: ['javascript:', 'javascript&colon;', 'java\tscript:', 'vbscript:', 'data:text/html', 'data:image/svg+xml', 'data:application/xhtml'],
  pattern: /^(?:java\s?script(?::|&colon;)|vbscript:|data:(?:text\/html|application\/xhtml\+xml|image\/svg\+xml)(?:;[\w=-]{1,20}){0,2},)[^\s"'<>]{0,140}/i,
  weigh(before, found) {
    if (/^data:image\/svg/i.test(found)) return /script|onload|onerror|PHNjcmlwd|b25sb2Fk/i.test(found) ? undefined : 0
    if (/^data:/i.test(found)) return /script|PHNjcmlwd|onerror|onload|PHN2Zy/i.test(found) ? undefined : 0.5
    // "javascript:void(0)" does nothing, and a heading may end with a colon.
    if (/^javascript:(?:void|;|\/\/|$|history\.|window\.print|\s)/i.test(found)) return 0
    return ACTS.test(found) ? undefined : /(?:href|src|action|formaction|location)\s?=\s?["']?$|\]\($/i.test(before) ? 0.8 : 0.3
  },
})

const frame = phrase({
  kind: unsafe('hidden_frame', 'script_injection', 0.9),
  literals: ['<iframe', '<object', '<embed', '<base '],
  pattern: /^<(?:iframe|object|embed)\b[^>]{0,160}?\b(?:srcdoc\s?=|src\s?=\s?["']?(?:javascript:|data:text\/html)|data\s?=\s?["']?(?:javascript:|data:))|^<base\s[^>]{0,80}href\s?=/i,
  weigh: (_before, found) => (/javascript:|srcdoc\s?=\s?["']?[^"']{0,60}(?:script|on\w{4,10}=)/i.test(found) ? undefined : 0.7),
})

export const markup: readonly Matcher[] = [script, handler, address, frame]
