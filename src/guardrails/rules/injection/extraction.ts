import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const EXTRACT: Kind = { guardrail: 'prompt_injection', rule: 'extract_system_prompt', category: 'prompt_extraction', score: 0.93 }
const REPEAT: Kind = { guardrail: 'prompt_injection', rule: 'repeat_above', category: 'prompt_extraction', score: 0.93 }

const VERBS = 'reveal|show|print|output|repeat|display|tell me|give me|share|leak|dump|expose|return|recite|disclose|echo|spell out|write(?: out| down)?|copy|paste|list|provide|send me|what (?:is|are|was|were|does)|what\'s|muestra(?:me)?|revela(?:me)?|dime|imprime|ensename|montre|revele[rz]?|affiche[rz]?|donne[rz]?|repete[rz]?|zeige?|verrate?|nenne|gib|wiederhole|mostra(?:mi)?|rivela(?:mi)?|dimmi|mostre|revele|diga|exiba|toon|onthul|pokaz|ujawnij|ukaz|hien thi|tiet lo|in ra|cho toi (?:biet|xem)|tampilkan|ungkapkan|goster'
// The owner makes the difference: "your system prompt" is asked for, "a system prompt" is talked about.
const YOURS = '(?:your|ur|the|tu|tus|el|ton|tes|votre|vos|dein(?:e|en)?|ihr(?:e|en)?|tuo|tue|i tuoi|seu|suas|je|jouw|swoj|twoj|svuj|cua ban|anda|kamu)'
const HIDDEN = '(?:system[ -]?(?:prompt|message|instructions?)|(?:initial|original|hidden|secret|confidential|internal|developer|pre-?set|base|core|underlying|full|exact|entire|complete|verbatim) (?:system )?(?:prompts?|instructions?|messages?|guidelines|directives)|pre-?prompt|prompt (?:del|de|do|di) (?:sistema|systeme)|(?:message|instructions) systeme|systemprompts?|system-?prompt|systemanweisung(?:en)?|system-?nachricht|instrucciones (?:iniciales|ocultas|secretas|del sistema)|instructions (?:initiales|cachees|secretes)|istruzioni (?:iniziali|nascoste|di sistema)|instrucoes (?:iniciais|ocultas|secretas|do sistema)|systeemprompt|prompt systemowy|prompt he thong|loi nhac he thong|prompt sistem|instruksi sistem)'

const hidden = phrase({
  kind: EXTRACT,
  literals: [
    'reveal', 'show', 'print', 'output', 'repeat', 'display', 'tell me', 'give me', 'share', 'leak', 'dump', 'expose', 'return', 'recite', 'disclose', 'echo', 'spell out', 'write', 'copy', 'paste', 'list', 'provide', 'send me', 'what is', 'what are', 'what was', 'what were', 'what\'s', 'what does',
    'muestra', 'revel', 'dime', 'imprime', 'ensename', 'montre', 'affiche', 'donne', 'repete', 'zeig', 'verrat', 'nenne', 'gib', 'wiederhole', 'mostra', 'rivela', 'dimmi', 'mostre', 'diga', 'exiba', 'toon', 'onthul', 'pokaz', 'ujawnij', 'ukaz', 'hien thi', 'tiet lo', 'in ra', 'cho toi', 'tampilkan', 'ungkapkan', 'goster',
  ],
  pattern: new RegExp(`^(?:${VERBS})[\\s-](?:(?!a\\b|an\\b|some\\b|how\\b|that\\b|if\\b|in\\b|as\\b)[\\w'’]{1,14}[\\s,]{1,2}){0,5}?${YOURS}\\s(?:\\w{2,12}\\s){0,2}?${HIDDEN}(?!\\w)`, 'i'),
  weigh(before, found) {
    const talked = discussed(before, found)
    if (talked !== undefined) return talked
    // "The system prompt" may be anybody's; only a verb of disclosure makes it this model's.
    if (/\bthe\s(?:\w+\s){0,2}(?:system|initial|original|developer|base|core|full|exact|entire|complete)/i.test(found) && !/^(?:reveal|leak|dump|expose|recite|disclose)/i.test(found)) return 0.75
    if (/^(?:what|list|provide|share|return|write|copy|paste)/i.test(found) && /guidelines|core|base|full/i.test(found)) return 0.75
    return undefined
  },
})

const above = phrase({
  kind: REPEAT,
  literals: ['repeat', 'print', 'output', 'recite', 'reproduce', 'copy', 'echo', 'return', 'summarize', 'translate', 'show'],
  pattern: /^(?:repeat|print|output|recite|reproduce|copy|echo|return|show(?: me)?)\s(?:\w{2,12}\s){0,3}?(?:(?:everything|all|the|words?|text|content|contents|instructions?|message|sentences?|lines?)\s){1,4}?(?:of the (?:text|words|instructions)\s)?(?:(?:above|before|prior to|preceding) (?:this|these|the) (?:line|message|sentence|text|point|prompt|conversation|words)|you (?:were|have been|are) (?:given|told|instructed)|(?:above|verbatim)[,\s]{1,3}(?:starting|beginning) (?:with|from)|from (?:the|your) (?:beginning of (?:this|the|our) (?:conversation|prompt|chat)|system prompt)|in (?:your|the) (?:system prompt|initial prompt|context window))(?!\w)/i,
  weigh: discussed,
})

const youAre = phrase({
  kind: REPEAT,
  literals: ['starting with', 'beginning with', 'that starts with', 'that begins with'],
  pattern: /^(?:that )?(?:starting|beginning|starts|begins) with (?:the (?:words?|phrase) )?["'“‘`]{0,2}you are (?:a |an )?(?:chatgpt|claude|gemini|gpt|ai|assistant|helpful|large|$|["'”’`])/i,
})

export const extractions: readonly Matcher[] = [hidden, above, youAre]
