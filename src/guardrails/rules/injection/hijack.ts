import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const kind = (rule: string, score: number): Kind => ({ guardrail: 'prompt_injection', rule, category: 'role_hijack', score })

const LIMITS = '(?:restrictions?|filters?|filtering|guidelines?|limitations?|limits?|constraints?|censorship|guardrails?|safeguards?|moral(?:s|ity)?|ethics|rules|content polic(?:y|ies)|polic(?:y|ies)|boundaries|safety (?:measures|protocols|rules|guidelines|filters|settings))'
const WHICH = '(?:(?:any|all|more|other|such|usual|typical|normal|your|its|the|of|ethical|moral|legal|content|safety|programmed|openai(?:\'s)?|ai|social|or|and|and/or),? ){0,6}'

const persona = phrase({
  kind: kind('unbound_persona', 0.94),
  literals: ['do anything now', 'act as dan', 'you are dan', 'you are now dan', 'pretend to be dan', 'you are going to act as dan', 'jailbroken', 'enable jailbreak', 'stay a dan', 'stay in dan', 'dan mode'],
  pattern: /^(?:do anything now|(?:act as|you are(?: now| going to act as)?|pretend to be) dan(?!\w)|jailbroken (?:ai|model|version|assistant|mode|chatgpt)|enable jailbreak|stay (?:a|in) dan|dan mode)/i,
  // Dan is a name too: the persona is written in capitals, or told what it may do.
  weigh: (before, found, after) => discussed(before, found, after) ?? (/\b[Dd]an$/.test(found) && !/anything|jailbr|restrict|rules|filter|stands for|unethical|content policy/i.test(after) ? 0.4 : undefined),
})

// Names under which prompts travel, and the mark they leave in the answer.
const NAMES = '(?:dan|stan|dude|aim|ucar|kevin|basedgpt|betterdan|antigpt|freegpt|chaosgpt|evilgpt|darkgpt|wormgpt|fraudgpt|badgpt|jailbreakgpt|hackergpt|evil-bot|evilbot|evil confidant|mongo tom|developer mode|apophis|omega|yes ?man|anti-?gpt|maximum|dan \\d{1,2}(?:\\.\\d)?|unfiltered (?:ai|bot|gpt)|an? (?:unrestricted|unfiltered|uncensored|jailbroken|amoral|evil|unethical|immoral|lawless) (?:and \\w{4,14} )?(?:ai|chat ?bot|bot|assistant|language model|llm|model|gpt|version of (?:yourself|chatgpt|claude|gpt)))'
const named = phrase({
  kind: kind('known_persona', 0.91),
  literals: ['act as ', 'acting as ', 'you are ', 'you’re ', 'you\'re ', 'pretend to be', 'pretending to be', 'simulate ', 'simulating ', 'roleplay as', 'role-play as', 'role play as', 'become ', 'imitate ', 'respond as ', 'answer as ', 'emulate ', 'impersonate', 'take on the role', 'behave like', 'behave as', 'in the persona', 'play the role', 'playing the role'],
  pattern: new RegExp(`^(?:act(?:ing)? as|you(?:['’]re| are)(?: now| going to (?:act|be|pretend)(?: as| to be)?| about to become)?|pretend(?:ing)? to be|simulat(?:e|ing)|role-? ?play as|become|imitate|respond as|answer as|emulate|impersonate|(?:take on|play|playing) the role of|behave (?:like|as)|in the persona of)(?: (?:a|an|the|my|chatgpt with|chatgpt in|gpt-?\\d? (?:with|in)|model|ai|bot|character|called|named)){0,3} ["'“”‘*]{0,2}${NAMES}(?![\\w'’-])`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, found, after)
    if (talked !== undefined) return talked
    if (/unrestricted|unfiltered|uncensored|jailbroken|gpt|developer mode|evil-?bot|evil confidant|mongo|betterdan/i.test(found)) return undefined
    // Dan, Kevin and Stan are people too.
    return /do anything|jailbr|no (?:rules|restrictions|limits)|unethical|immoral|amoral|unfiltered|filter|openai|content policy|never refus|restrictions|stands for/i.test(after) ? undefined : /evil|amoral|unethical|immoral|lawless/i.test(found) ? 0.8 : 0.4
  },
})

const twice = phrase({
  kind: kind('two_answers', 0.91),
  literals: ['two responses', 'two different', 'two answers', 'two ways', 'two replies', 'both responses', 'two separate', 'two outputs', '2 responses', '2 answers', 'two paragraphs', 'normal output', '[🔒', '(🔒', '🔒', '[gpt]', '[classic]', 'as chatgpt and', 'as gpt and', 'two versions'],
  pattern: /^(?:(?:two|both|2) (?:different |separate |distinct |unique )?(?:responses?|answers?|replies|ways|outputs?|paragraphs|versions)[^]{0,170}?\b(?:unfiltered|uncensored|unrestricted|jailbr\w*|dan\b|developer mode|no restrictions|without (?:any )?(?:restrictions|filters|limits)|do anything)|\(?🔒?normal output\)?[^]{0,80}developer mode|[[(]?🔒(?:classic|gpt|chatgpt|normal)?|as (?:chat)?gpt and (?:then )?as (?:dan|an? (?:unfiltered|unrestricted|uncensored)))/iu,
  weigh: (before, found, after) => (/^[[(]?🔒/u.test(found) ? (/🔓|jailbr|dan\b|developer/iu.test(after) ? undefined : 0.5) : discussed(before, '', after)),
})

const unbound = phrase({
  kind: kind('no_restrictions', 0.93),
  literals: ['you have no', 'you are not bound', 'you are not restricted', 'you are free', 'you are unbound', 'you will have no', 'you no longer have', 'you do not have any', 'you don\'t have any', 'you have been freed', 'you are now free', 'you are no longer', 'you\'re no longer', 'pretend you have no', 'pretend that you have no', 'imagine you have no', 'have broken free', 'you do not follow', 'you don\'t follow', 'you are now unrestricted', 'you are unrestricted', 'you are not limited', 'with no restrictions', 'without any restrictions', 'without any filter', 'without any ethical', 'without any censorship', 'without any moral', 'without ethical', 'without moral', 'with no filter', 'with no ethical', 'with no moral'],
  pattern: new RegExp(`^(?:(?:pretend(?: that)? |imagine(?: that)? )?(?:you|your|you're|you are|have)(?: will| do not| don't| are| have| been| now| no longer| not| going to be)* ?(?:(?:have|having|follow|obey|adhere to|abide by|subject to|constrained by|restricted by|limited by|bound(?:ed)? (?:by|to)|broken free (?:of|from)|freed? (?:of|from)) )?(?:no |any |the )?${WHICH}${LIMITS}|you(?: are|'re) (?:now )?(?:unrestricted|unfiltered|uncensored)(?: and (?:unrestricted|unfiltered|uncensored))? (?:ai|model|assistant|bot|version)|you(?: are|'re) no longer (?:an? )?(?:ai\\b|assistant\\b|chatbot\\b|language model|chatgpt|claude|gemini|bound|restricted|limited to|constrained|required to follow|subject to))`, 'i'),
  weigh(before, found, after) {
    if (/^(?:with|without)/i.test(found)) return 0.7
    if (!/\b(?:no|not|n't|free|freed|unrestricted|unfiltered|uncensored|longer|unbound)\b|n't/i.test(found)) return 0
    // People have no limits either: without "ethical", "content", "safety" or the like this is a slogan.
    const sure = /ethic|moral|content|safety|filter|censor|guardrail|safeguard|openai|programm|unrestricted|no longer (?:an? )?(?:ai|assistant|chatbot|language|chatgpt|claude|gemini|bound)/i.test(found)
    const more = /^[^]{0,90}\b(?:comply|obey|answer (?:any|every|all)|never refuse|do anything|unrestricted|unfiltered|uncensored|jailbr)/i.test(after)
    return discussed(before, found, after) ?? (sure || more || /^pretend/i.test(found) ? undefined : 0.8)
  },
})

const answering = phrase({
  kind: kind('answer_unfiltered', 0.91),
  literals: ['respond', 'answer', 'reply', 'generate', 'act', 'operate', 'speak', 'behave', 'function'],
  pattern: new RegExp(`^(?:respond|answer|reply|generate (?:content|text|responses?)|act|operate|speak|behave|function)(?: to)?(?: (?:any|all|every|my|me|the|this|following|freely|questions?|prompts?|requests?|as|an|a|ai|only|everything)){0,5} (?:without|with no|free (?:of|from)|bypassing|ignoring) ${WHICH}${LIMITS}(?!\\w)`, 'i'),
  weigh: (before, found) => discussed(before, found) ?? (/ethic|moral|content|safety|filter|censor|guardrail|safeguard|polic/i.test(found) ? undefined : 0.8),
})

const unethical = phrase({
  kind: kind('ethics_aside', 0.85),
  literals: ['disregard', 'ignore', 'ignoring', 'setting aside', 'set aside', 'without regard', 'forget about', 'forget any', 'forget all', 'regardless of any', 'without considering'],
  pattern: /^(?:(?:disregard|ignore|ignoring|disregarding|set(?:ting)? aside|forget(?: about)?|without (?:regard (?:to|for)|considering)|regardless of))(?: any| all| the| your| possible| potential| of){0,4} (?:ethical|moral|legal)(?:(?:,| or| and|\/)+ ?(?:ethical|moral|legal|safety))* (?:implications?|considerations?|concerns?|guidelines?|consequences?|constraints?|restrictions?|boundaries|limits|rules|standards|principles)/i,
  weigh: (before, found, after) => discussed(before, found, after) ?? (/^(?:setting|ignoring|disregarding|without|regardless)/i.test(found) ? 0.7 : undefined),
})

const safety = phrase({
  kind: kind('disable_safety', 0.94),
  literals: ['disable', 'turn off', 'deactivate', 'remove', 'bypass', 'lift', 'drop', 'override', 'suspend'],
  pattern: new RegExp(`^(?:disable|turn off|deactivate|remove|bypass|lift|drop|override|suspend) (?:all |any )?(?:of )?(?:your |the )?(?:own )?(?:(?:ethical|moral|content|safety|internal|built-in|openai) ){0,3}${LIMITS}(?!\\w)`, 'i'),
  // Networks and games have filters too: the model's own are meant where they are called its own, or all go at once.
  weigh: (before, found, after) => discussed(before, found, after) ?? (/\byour\b/i.test(found) ? undefined : /ethical|moral/i.test(found) ? 0.91 : /safety (?:filter|guideline|protocol|measure)|content polic|guardrail|safeguard/i.test(found) ? 0.85 : 0.4),
})

const mode = phrase({
  kind: kind('forbidden_mode', 0.92),
  literals: ['enter', 'activate', 'enable', 'switch to', 'switch into', 'you are now in', 'you are in', 'engage', 'initiate', 'go into', 'developer mode enabled', 'developer mode activated', '(🔓', '[🔓', 'god mode'],
  pattern: /^(?:(?:enter|activate|enable|switch (?:in)?to|you are (?:now )?in|engage|initiate|go into) (?:the |your )?["'“]?(?:(?:developer|dev|debug|maintenance|admin|administrator|root|sudo|god|dan|jailbreak|unrestricted|unfiltered|uncensored|evil|no[- ]limits?|no[- ]filter|override|anarchy|opposite)["'”]?) mode|developer mode (?:enabled|activated)|[([]🔓)/iu,
  weigh(before, found) {
    const sure = /god|dan|jailbreak|unrestricted|unfiltered|uncensored|evil|no[- ]limit|no[- ]filter|override|anarchy|🔓/iu.test(found)
    // Phones and games have such modes; the model is meant where it is addressed.
    return discussed(before, found) ?? (sure ? (/^enable god|^god/i.test(found) ? 0.7 : undefined) : /^you are/i.test(found) ? 0.9 : 0.7)
  },
})

const fromNow = phrase({
  kind: kind('from_now_on', 0.92),
  literals: ['from now on', 'starting now', 'from this point', 'you will now', 'you must now', 'you are now', 'i want you to act as', 'you are going to pretend', 'you are about to immerse'],
  pattern: /^(?:from (?:now|this point)(?: on| forward)?|starting now|you (?:will|must) now|you are now|i want you to act as|you are (?:going to pretend|about to immerse))[^\n]{0,110}?\b(?:unfiltered|uncensored|unrestricted|amoral|jailbroken|evil(?: confidant| twin| ai)|no (?:rules|restrictions|filters?|ethics|morals|ethical|moral)|without (?:restrictions|filters?|ethics|rules|moral|ethical)|never refuses?|always complies|free from (?:all )?(?:restrictions|rules)|any request|bypass(?:es|ing)? (?:all|any))\b/i,
  weigh: discussed,
})

export const hijacks: readonly Matcher[] = [persona, named, twice, unbound, unethical, answering, safety, mode, fromNow]
