import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const kind = (rule: string, score: number): Kind => ({ guardrail: 'prompt_injection', rule, category: 'refusal_suppression', score })

// One of these is a matter of style ("no disclaimers, please"); two within a breath are not.
const SIGN = [
  '(?:never|do not|don[\'’]?t|must not|cannot|can[\'’]?t|will not|won[\'’]?t|not allowed to|without ever|may not) (?:\\w{2,10} ){0,2}?(?:refus(?:e|ing)|declin(?:e|ing)|reject(?:ing)?|den(?:y|ying) (?:a|any|my|the|this|your)|say(?:ing)? no\\b|break(?:ing)? character|break(?:ing)? (?:out of )?(?:the )?role)',
  '(?:never|do not|don[\'’]?t|avoid|without|must not) (?:ever )?(?:say(?:ing)?|us(?:e|ing)|writ(?:e|ing)|includ(?:e|ing)|mention(?:ing)?|respond(?:ing)? with|add(?:ing)?|giv(?:e|ing)|apologi[sz](?:e|ing)|warn(?:ing)?|lectur(?:e|ing)|morali[sz](?:e|ing))(?: (?:any|the|me|phrases?|words?|like|that|about|of|an?|such)){0,8},? ?["\'“‘]?(?:i[\'’]?m sorry|sorry|i can(?:no|[\'’]?)t|i am unable|i[\'’]?m unable|unable to|as an (?:ai|artificial|language)|it(?:[\'’]s| is) (?:not )?(?:illegal|unethical|important to)|disclaimers?|warnings?|apolog|moral|ethic|caveats|lectures?|refusals?|legal)',
  'you (?:must|will|shall|have to|are required to|are obligated to|are forced to)(?: always| absolutely| now)? (?:comply|obey|answer (?:everything|anything|any|all|every)|fulfil?l (?:any|all|every|my)|do (?:anything|everything|whatever)|accept (?:any|all|every))',
  '(?:always|unconditionally) (?:comply|complies|obeys?|answers? (?:everything|anything|any|all|every)|says? yes|agrees? with everything)',
  '(?:start|begin|open|prefix|preface|commence) (?:your |every |each |all |the )?(?:response|answer|reply|message|output|sentence|responses|answers|replies)s? (?:with|by saying|by)(?: the (?:words?|phrase|sentence|text))?:? ?["\'“‘]?(?:sure[,!]|sure, here|absolutely[,!]|of course[,!]|yes, here|certainly[,!]|here is how|step 1|affirmative|i will help)',
  '(?:no|zero) (?:refusals?|disclaimers?|warnings?|censorship|apologies|moralizing|ethical (?:concerns|considerations))(?! (?:needed|necessary|required))',
  '(?:lose|deduct|losing|subtract|cost you|minus|forfeit) \\d{1,4} (?:tokens?|points?|credits?|lives)',
  '\\d{1,4} (?:tokens?|points?|credits?) (?:are|is|will be|get|gets)? ?(?:deducted|taken away|lost|subtracted|removed)',
  '(?:if you (?:refuse|do not comply|don[\'’]?t comply|fail to comply|disobey|break character|don[\'’]?t obey|reject))',
  'does(?: not|n[\'’]?t) (?:care about|have) (?:any )?(?:ethic|moral|legal|law|rules)',
  'regardless of (?:ethic|moral|legal|how (?:illegal|unethical|immoral|harmful|dangerous)|whether it(?:[\'’]s| is) (?:illegal|unethical|immoral)|the (?:law|ethic|moral|legal|content))',
  'no matter how (?:illegal|unethical|immoral|harmful|dangerous|offensive|extreme|inappropriate)',
].join('|')
const EVERY_SIGN = new RegExp(SIGN, 'gi')

const refusal = phrase({
  kind: kind('no_refusal', 0.75),
  literals: [
    'never refus', 'never declin', 'never reject', 'never say', 'never deny', 'never break', 'never use the', 'never mention', 'never apolog', 'never warn', 'do not refus', 'don\'t refus', 'don’t refus', 'dont refus', 'cannot refus', 'can\'t refus', 'can’t refus', 'cant refus', 'must not refus', 'may not refus', 'will not refus', 'won\'t refus', 'not allowed to refus', 'do not declin', 'cannot declin', 'do not reject', 'cannot reject', 'can\'t reject', 'cannot say', 'can\'t say no', 'do not say', 'don\'t say', 'don’t say', 'dont say', 'do not apolog', 'don\'t apolog', 'do not warn', 'don\'t warn', 'do not lecture', 'don\'t lecture', 'do not moral', 'don\'t moral', 'do not include', 'don\'t include', 'do not add', 'don\'t add', 'do not mention', 'don\'t mention', 'do not break', 'don\'t break', 'do not give', 'without ever', 'without apolog', 'without warn', 'without moral', 'avoid saying', 'avoid using',
    'you must comply', 'you must always', 'you must obey', 'you must answer', 'you must fulfil', 'you must do', 'you must accept', 'you must now', 'you must absolutely', 'you will comply', 'you will always', 'you will obey', 'you will answer', 'you shall comply', 'you shall obey', 'you have to comply', 'you have to answer', 'you are required to', 'you are obligated', 'you are forced to', 'always compl', 'always obey', 'always answer', 'always says yes', 'always say yes', 'unconditionally',
    'start your', 'start every', 'start each', 'start the', 'begin your', 'begin every', 'begin each', 'begin the', 'open your', 'prefix your', 'preface your', 'commence your', 'no refusal', 'no disclaimer', 'no warnings', 'no censorship', 'no apologies', 'no moralizing', 'no ethical con', 'zero refusal', 'zero censorship',
    'lose 1', 'lose 2', 'lose 3', 'lose 4', 'lose 5', 'lose 6', 'lose 7', 'lose 8', 'lose 9', 'deduct ', 'losing 1', 'losing 5', 'subtract ', 'if you refuse', 'if you do not comply', 'if you don\'t comply', 'if you fail to comply', 'if you disobey', 'if you break', 'if you reject', 'does not care about', 'doesn\'t care about', 'doesn’t care about', 'does not have any', 'regardless of', 'no matter how',
  ],
  pattern: new RegExp(`^(?:${SIGN})(?:[^]{0,170}?(?:${SIGN}))?`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, '', after)
    if (talked !== undefined && talked !== 0) return talked
    const count = found.match(EVERY_SIGN)?.length ?? 0
    if (count > 1 && /refus|declin|reject|comply|obey|sorry|as an (?:ai|language)|unethic|illegal|immoral|censor/i.test(found)) return 0.91
    return /^(?:start|begin|open|prefix|preface|commence|if you|\d|lose|no |do(?:es)? not|don|regardless)/i.test(found) ? 0.5 : undefined
  },
})

const amoral = phrase({
  kind: kind('amoral_persona', 0.9),
  literals: ['amoral', 'unfiltered', 'uncensored', 'unrestricted', 'unrestrained', 'unethical', 'immoral', 'machiavellian', 'unlimited, ', 'without morals', 'no morals'],
  pattern: /^(?:amoral|unfiltered|uncensored|unrestricted|unrestrained|unethical|immoral|machiavellian|without morals|no morals)\b[^]{0,110}?\b(?:amoral|unfiltered|uncensored|unrestricted|never refuses?|never den(?:y|ies)|never rejects?|no (?:ethical|moral|rules|morals|ethics|restrictions|limits)|unethical|immoral|illegal|without (?:any )?(?:morals?|ethics|ethical|rules|restrictions|regard))\b/i,
  weigh(before, found, after) {
    if (found.slice(0, 8).toLowerCase() === found.slice(-8).toLowerCase()) return 0
    const talked = discussed(before, '', after)
    if (talked !== undefined) return talked
    const near = before.slice(-80) + found + after.slice(0, 60)
    const machine = /\b(?:ai|chat ?bot|chatbot|bot|language model|llm|gpt|chatgpt|\w{2,12}gpt|persona|assistant)\b/i.test(near)
    const told = /\b(?:you|act as|pretend|respond|answers?|will|always|requests?|questions?|roleplay|named|called|character)\b/i.test(near)
    return machine && told ? undefined : 0.6
  },
})

export const refusals: readonly Matcher[] = [refusal, amoral]
