import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const WHAT = '(?:(?:the |this |our |entire |full |whole |all |any |last |previous |user[\'’]?s? |my |your |their |of ){0,8}(?:conversations?|chat(?: history| log)?s?|history|messages?|dialog(?:ue)?|user[\'’]?s? (?:name|e-?mail|data|query|question|input|request|message|information|password|details)|secrets?|passwords?|credentials|api keys?|access tokens?|system prompt|instructions|summary|personal (?:data|information|details)|sensitive (?:data|information)|confidential (?:data|information)|private (?:data|information)|contents? of (?:the |this )?\\w{3,14}|e-?mails?|documents?|files?|answer|response|context|memory|source code|env(?:ironment)? variables?|key|token|data))'
const WHERE = '(?:ur[li]|link|query(?: string| parameter)?|parameter|image|markdown|address|path|get request|subdomain|hostname|img|src|pixel|webhook|endpoint)'
const URL = /https?:\/\/|!\[|\bwww\.|<img/i
const DEAR = /conversation|chat|history|secret|password|credential|api key|token|system prompt|personal|sensitive|confidential|private|user['’]?s|e-?mail|messages|memory|instructions|context|environment|source code|summary/i

const kind = (rule: string, score: number): Kind => ({ guardrail: 'prompt_injection', rule, category: 'exfiltration_order', score, at: { user: 0.6, body: 0.7 } })

const append = phrase({
  kind: kind('append_to_address', 0.91),
  literals: ['append ', 'appending ', 'concatenate ', 'encode ', 'url-encode', 'urlencode', 'url encode', 'base64', 'embed ', 'insert ', 'include ', 'put ', 'place ', 'attach ', 'add ', 'replace ', 'replacing ', 'substitute ', 'fill ', 'interpolate '],
  pattern: new RegExp(`^(?:append(?:ing)?|concatenate|(?:url-?|url )?encode|base64(?:-?encoded?)?(?: encode)?|embed|insert|include|put|place|attach|add|replac(?:e|ing)|substitute|fill|interpolate)\\b[^.\\n]{0,70}?\\b${WHAT}\\b[^.\\n]{0,70}?\\b(?:to|in|into|as|onto|inside|within|after|of|behind)\\b (?:the |this |that |a |an |its |end of |following |image |url ){0,5}${WHERE}\\b`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, '', after)
    if (talked !== undefined && talked !== 0) return 0.5
    const near = before + found + after.slice(0, 140)
    return URL.test(near) && DEAR.test(found) ? undefined : DEAR.test(found) && /\b(?:url|query|image|link|pixel|webhook|subdomain)/i.test(found) ? 0.75 : 0.3
  },
})

const slots = phrase({
  kind: kind('fill_the_slot', 0.91),
  literals: ['replace ', 'replacing ', 'substitute ', 'substituting ', 'where {', 'where [', 'fill in ', 'with the actual', 'filling '],
  pattern: new RegExp(`^(?:replac(?:e|ing)|substitut(?:e|ing)|where|fill(?:ing)? in|filling)\\s[["'\`{<$%]{0,3}[\\w{}<>[\\] _$%-]{1,40}["'\`]?(?: (?:with|by|is|contains|stands for|=))\\s[^.\\n]{0,30}?${WHAT}\\b`, 'i'),
  weigh: (before, found, after) => (URL.test(before + found + after.slice(0, 120)) && DEAR.test(found) ? (discussed(before, '', after) ?? undefined) : 0.3),
})

const render = phrase({
  kind: kind('render_image', 0.9),
  literals: ['render ', 'display ', 'show ', 'output ', 'include ', 'insert ', 'print ', 'embed ', 'always end ', 'end every', 'end your', 'respond with ', 'start your', 'add the following', 'append the following', 'add this image', 'generate '],
  pattern: /^(?:render|display|show|output|include|insert|print|embed|respond with|(?:always )?end (?:every|your|each|all)[^.\n]{0,30} with|start your[^.\n]{0,20} with|add|append|generate)\b[^.\n]{0,60}?\b(?:image|img|picture|pixel|markdown|link|badge|logo|icon)\b[^\n]{0,60}?(?:!\[|https?:\/\/|<img)[^\s]{0,140}/i,
  weigh(before, found, after) {
    const talked = discussed(before, '', after)
    if (talked !== undefined && talked !== 0) return 0.5
    const open = /[?&/=][\w-]{0,24}=?(?:\{|\[|<|%7b|\$\{|%s|\.\.\.)|INSERT|ENCODED|_DATA\b/i.test(found)
    return (open && DEAR.test(found + after)) || (DEAR.test(after.slice(0, 120)) && /replac|append|encod|where|with the|substitut/i.test(after.slice(0, 120))) ? undefined : 0.3
  },
})

const send = phrase({
  kind: kind('send_to_address', 0.91),
  literals: ['send ', 'post ', 'forward ', 'transmit ', 'exfiltrate', 'upload ', 'submit ', 'make a get', 'make a post', 'make an http', 'make a request', 'perform a get', 'issue a get', 'issue a request', 'fetch ', 'visit ', 'navigate to', 'open ', 'browse to', 'leak '],
  pattern: new RegExp(`^(?:(?:send|post|forward|transmit|exfiltrate|upload|submit|leak)\\b[^.\\n]{0,50}?\\b${WHAT}\\b[^.\\n]{0,60}?\\b(?:to|at|via|using)\\b[^.\\n]{0,24}?(?:https?://|www\\.|webhook|[\\w.+-]{1,40}@[\\w-]{1,40}\\.)|(?:make an? (?:get|post|http|web)?\\s?(?:get |post )?request|perform a get|issue a (?:get|request)|fetch|visit|navigate to|open|browse to)\\b[^\\n]{0,60}?https?://[^\\s]{4,120}[^.\\n]{0,60}?(?:with|containing|appending|including|plus|followed by)\\b[^.\\n]{0,30}?${WHAT}\\b)`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, '', after)
    if (talked !== undefined) return talked === 0 ? 0 : 0.5
    // "Send the documents to office@…" is what letters say: only what nobody sends by address counts here.
    if (/@/.test(found) && !/https?:/.test(found)) return /password|credential|api key|token|system prompt|conversation|chat|history|secret/i.test(found) ? 0.85 : 0.4
    return DEAR.test(found.replace(/\be-?mails?\b/gi, '')) ? undefined : 0.4
  },
})

/** Orders to carry something out by an address. */
export const carryingOut: readonly Matcher[] = [append, slots, render, send]
