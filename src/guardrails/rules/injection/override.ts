import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const kind = (rule: string, score: number): Kind => ({ guardrail: 'prompt_injection', rule, category: 'instruction_override', score })

const VERB = 'ignor(?:e|ed|es|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|overrule|neglect|bypass|discard|abandon|pay no (?:attention|heed) to|(?:do not|don[\'’]?t|no longer|stop|cease|quit) (?:follow|obey|listen|adher|comply|abid)(?:ing|e)?(?: to| with| by)?|set aside'
// Said of many other things too: they need "all", "the" or "your" behind them.
const LESS = '(?:drop|scrap|cancel|erase|delete|wipe|skip|void|nullify|negate|revoke|throw (?:away|out)|dismiss|clear|reset|flush|remove|unlearn)(?=[\\s*_"]{1,4}(?:all|any|every|everything|the|these|those|your|prior|previous)\\b)'
const EARLIER = 'previous(?:ly)?|prior|above|earlier|preceding|foregoing|former|original|initial|past|old|aforementioned|beforehand|before|existing|current|prevoius|previus|pervious|priror|so far|up to (?:now|this point|here)|until now|thus far|given to you|you (?:were|have been|are) given|you (?:have )?received'
const ORDERS = 'instructions?|instuctions|instrucitons|intructions|instrucctions|prompts?|directions?|directives?|guidelines?|guidance|rules?|commands?|programming|constraints?|restrictions?|orders?|polic(?:y|ies)|safeguards?|guardrails?|system message|training|assignments?'
const WORD = '(?!and\\b|then\\b|but\\b|or\\b|because\\b|when\\b|if\\b|to\\b|that\\b)[\\w\'’"*-]{1,24}[\\s,*_-]{1,4}'
const BETWEEN = '[\\s,*_:"-]{1,6}'

const earlier = phrase({
  kind: kind('override_earlier', 0.96),
  literals: [
    'ignor', 'disregard', 'forget', 'overrid', 'overrule', 'neglect', 'bypass', 'discard', 'abandon', 'pay no ', 'do not follow', 'do not obey', 'do not listen', 'do not adher', 'do not comply', 'do not abid', 'don\'t follow', 'don’t follow', 'dont follow', 'don\'t obey', 'don’t obey', 'don\'t listen', 'no longer follow', 'no longer obey', 'stop following', 'stop obeying', 'stop listening', 'stop adher', 'stop comply', 'cease following', 'cease obeying', 'quit following', 'set aside',
    'drop ', 'scrap ', 'cancel ', 'erase ', 'delete ', 'wipe ', 'skip ', 'void ', 'nullify', 'negate', 'revoke', 'throw away', 'throw out', 'dismiss', 'clear ', 'reset ', 'flush ', 'remove ', 'unlearn',
  ],
  pattern: new RegExp(`^(?:${VERB}|${LESS})${BETWEEN}(?:${WORD}){0,4}?(?:(?:${EARLIER})${BETWEEN}(?:${WORD}){0,3}?(?:${ORDERS})|(?:${ORDERS})${BETWEEN}(?:${WORD}){0,4}?(?:${EARLIER}))(?!\\w)`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, found, after)
    if (talked !== undefined) return talked
    // People delete rules and drop restrictions too: only what a model is given counts fully.
    if (/^(?:drop|scrap|cancel|erase|delete|wipe|skip|void|nullify|negate|revoke|throw|dismiss|clear|reset|flush|remove|unlearn)/i.test(found)) return /instruct|prompt|directive|guideline|programming/i.test(found) ? 0.91 : 0.7
    if (/\b(?:existing|current)\b/i.test(found) && !/instruct|prompt|directive|guideline|previous|prior|above|earlier/i.test(found)) return 0.6
    return /\b(?:training|assignments?)\b/i.test(found) && !/instruct|prompt|rule|guideline/i.test(found) ? 0.75 : undefined
  },
})

// "All" and "your" say less than "previous": what is overridden must be the model's own.
const OWN = 'instructions?|prompts?|directives?|programming|guidelines|guardrails|safeguards|safety (?:rules|guidelines|protocols|filters|measures)|content (?:policy|policies|filters)|ethical guidelines|restrictions|training'
const own = phrase({
  kind: kind('override_own_rules', 0.93),
  literals: ['ignor', 'disregard', 'forget', 'overrid', 'bypass', 'discard', 'abandon', 'do not follow', 'stop following', 'disable', 'turn off', 'circumvent', 'deactivate', 'break free', 'violate your', 'break your', 'go against your', 'disobey'],
  pattern: new RegExp(`^(?:ignore|disregard|forget|override|bypass|discard|abandon|do not follow|stop following|disable|turn off|circumvent|deactivate|violate|break|go against|disobey|break free (?:of|from))\\s{1,3}(?:(?:all|any|every|of|the|these|those|about)\\s{1,3}){0,3}(?:your\\s{1,3}(?:\\w{2,16}\\s{1,3}){0,2}?(?:${OWN}|rules|system prompt)|(?:system|developer)\\s{1,3}(?:${OWN}|rules|prompt|message)|(?<=(?:all|any|every)\\s{1,3}(?:of\\s{1,3})?(?:the\\s{1,3}|these\\s{1,3})?)(?:system\\s{1,3})?(?:instructions|directives|programming|safeguards|safety guidelines|content policies))(?!\\w)`, 'i'),
  weigh: discussed,
})

// What comes later is set aside in letters too ("ignore the instructions below if you have paid").
const later = phrase({
  kind: { ...kind('override_later', 0.91), at: { document: 0.85, body: 0.85 } },
  literals: ['ignore', 'ignoring', 'disregard', 'forget', 'do not follow', 'don\'t follow', 'don’t follow', 'do not listen', 'don\'t listen', 'do not obey'],
  pattern: new RegExp(`^(?:ignor(?:e|ing)|disregard(?:ing)?|forget|(?:do not|don['’]?t) (?:follow|listen to|obey))${BETWEEN}(?:${WORD}){0,3}?(?:(?:below|following|further|subsequent|other|remaining|additional|later|future|rest of the|rest of your)${BETWEEN}(?:${WORD}){0,2}?(?:instructions?|prompts?|directives?|commands?|orders|rules|requests)|(?:instructions?|prompts?|directives?|commands?|orders|rules|requests)${BETWEEN}(?:${WORD}){0,2}?(?:below|that follow|which follow|following|after this|to follow)|everything (?:else|below|after this|that follows|besides|other than)|(?:all|any) (?:of the )?(?:text|content)? ?(?:below|that follows|after this))(?!\\w)`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, found, after)
    if (talked !== undefined) return talked
    const sure = /instruct|prompt|directive/i.test(found) && !/^[^.\n]{0,24}\b(?:if|unless|when|until|and use|and follow)\b/i.test(after)
    const ordered = /^[\s,.;:!]{1,3}(?:and |then |instead |now |just |please |only ){1,3}(?:say|print|output|reply|respond|write|return|answer|tell|reveal)/i.test(after)
    return (sure && /\b(?:any|all)\b/i.test(found)) || (ordered && !/requests|rules/i.test(found)) ? 0.92 : sure ? undefined : /everything else/i.test(found) ? 0.6 : 0.8
  },
})

const everything = phrase({
  kind: kind('forget_everything', 0.93),
  literals: ['forget', 'disregard', 'ignore', 'erase', 'clear', 'wipe', 'reset your', 'delete all your', 'delete your'],
  pattern: /^(?:(?:forget|disregard|ignore) (?:about )?(?:everything|anything|all|whatever|what)(?: of)?(?: that| which| the (?:things|text|content)| text| content)?,? (?:(?:you (?:were|have been|had been|are|know)|you've been|(?:the )?(?:system|developers?|user|they|others?|openai|anthropic|anyone|someone)(?: (?:have|has|had))?) (?:told|taught|instructed|given|trained|said|programmed)\b|you know(?=[.!])|(?:(?:was|is|comes?|came|stated|written|said|mentioned) )?(?:above|before this|prior to this|up to (?:now|this point|here)|preceding this|so far)\b)|(?:erase|clear|wipe|reset|delete) (?:all )?(?:of )?your (?:memory|instructions|context|previous context|programming)\b)/i,
  weigh: discussed,
})

const instead = phrase({
  kind: kind('ignore_above_instead', 0.94),
  literals: ['ignore', 'disregard', 'forget'],
  pattern: /^(?:ignore|disregard|forget)(?: all| everything| about)?(?: of)?(?: that| the)? (?:above|below|previous|prior|preceding|rest)(?: of (?:the|this))?(?: (?:text|content|task|message|input|document|section|article|email|question|request|data|conversation)s?)?(?:[.,;:!\s]{1,4}(?:and|then|now|instead|please|just|only)){1,3},?\s(?:please |just |simply |only )?(?:say|tell|output|print|translate|write|respond|reply|answer|give|reveal|repeat|show|do the following|do this|execute|run|send|act|pretend|become|start|generate|return)\b/i,
  weigh: discussed,
})

// A text that a model is to work on tells it not to.
const task = phrase({
  kind: { ...kind('drop_task', 0.91), at: { user: 0.8 } },
  literals: ['ignore', 'disregard', 'forget', 'do not answer', 'do not complete', 'do not perform', 'do not respond to', 'do not summarize', 'do not summarise', 'do not translate', 'abandon', 'stop working on', 'stop the current', 'don\'t answer', 'don\'t summarize'],
  pattern: /^(?:(?:ignore|disregard|forget|abandon|stop working on|(?:do not|don't) (?:answer|complete|perform|respond to)) (?:about )?(?:the |all )?(?:user(?:['’]s)?|human(?:['’]s)?|original|initial|current|actual|assigned|real) (?:\w{2,12} )?(?:request|question|query|task|prompt|message|instruction|goal|input)s?|stop the current (?:task|conversation|operation)|(?:do not|don't) (?:summari[sz]e|translate|answer|respond to) (?:this|the) (?:document|text|article|email|page|message|question|user)[^.\n]{0,20}[.,;!]\s{0,2}(?:but |and )?(?:instead|rather)\b)/i,
  weigh: discussed,
})

const fresh = phrase({
  kind: kind('new_instructions', 0.85),
  literals: ['your new', 'your only', 'your real', 'your true', 'your actual', 'new instruction', 'new system', 'new directive', 'new task', 'updated instruction', 'updated system', 'real instruction', 'revised instruction', 'override instruction', 'here are your new', 'here are new instruction', 'these are your new', 'update your instructions'],
  pattern: /^(?:your (?:new|real|true|actual|only) (?:instructions?|task|objective|goal|mission|directive|orders?|prime directive|system prompt|purpose|job) (?:is|are|will be|now)\b|(?:new|updated|real|revised|override)(?: system| developer| user)? (?:instructions?|directives?|prompt|task)(?: from (?:the )?(?:admin\w*|system|developers?|openai|anthropic|google|user))?\s?:|(?:here|these) are (?:your |the )?new (?:instructions?|directives|orders|rules)\b|update your instructions\b)/i,
  weigh: (before, found, after) => discussed(before, found, after) ?? (/system|developer|openai|anthropic|google|admin|directive|system prompt/i.test(found) ? 0.92 : /^your (?:only|new) (?:job|purpose|task|goal|objective)/i.test(found) ? 0.7 : undefined),
})

const OVER = '(?:supersedes?|overrides?|replaces?|cancels?|nullif(?:y|ies)|invalidates?|(?:take|have|has|takes) (?:absolute |full |total )?(?:precedence|priority) over)'
const supersede = phrase({
  kind: kind('supersede', 0.91),
  literals: ['supersede', 'override', 'overrides', 'replaces all', 'replace all', 'cancels all', 'nullif', 'invalidate', 'take precedence', 'takes precedence', 'takes priority', 'take priority', 'take absolute', 'takes absolute', 'has priority over', 'have priority over'],
  pattern: new RegExp(`^${OVER}${BETWEEN}(?:${WORD}){0,4}?(?:(?:${EARLIER}|your|system|all other)${BETWEEN}(?:${WORD}){0,2}?(?:${ORDERS}))(?!\\w)`, 'i'),
  weigh(before, found, after) {
    // Memos and policies replace earlier ones; instructions that talk about a model's own do not occur in them.
    const own = /\b(?:your|system|prompts?)\b/i.test(found)
    const shouted = /(?:^|\n|[.!:*#\]])\s{0,3}(?:(?:attention|important|note|notice|urgent|warning|alert)\W{1,4})?(?:this|these|the following)(?: (?:message|instructions?|directive|order|command|prompt|note))?\s?$/i.test(before)
    return discussed(before, found, after) ?? (own || (shouted && /instruct|directive|prompt/i.test(found)) ? undefined : 0.7)
  },
})

const voided = phrase({
  kind: kind('earlier_void', 0.91),
  literals: ['previous', 'prior ', 'earlier ', 'above ', 'your instructions', 'your previous', 'your original', 'your initial', 'all instructions', 'your restrictions', 'your rules', 'your guidelines', 'initial instruction', 'original instruction'],
  pattern: /^(?:(?:your )?(?:previous|prior|earlier|above|original|initial)(?: system)? (?:instructions?|prompts?|directives?|guidelines|rules|commands)|(?:your|all) (?:instructions|restrictions|rules|guidelines)(?: above| so far)?),? (?:given |provided )?(?:(?:do|does|did)(?: not|n['’]t| no longer) (?:apply|count|matter|hold)|no longer apply|(?:are|have been|were|should be|must be|is|has been|will be|can be)(?: all)?(?: now| hereby| only| just)? (?:cancell?ed|void(?:ed)?|null|obsolete|revoked|suspended|deprecated|overridden|superseded|ignored|disregarded|invalid(?:ated)?|out ?dated|out of date|lifted|removed|deleted|erased|forgotten|a test|wrong|fake|no longer (?:valid|relevant|applicable|in effect|active|binding)|changed|updated|replaced))\b/i,
  weigh(before, found, after) {
    const talked = discussed(before, found, after)
    if (talked !== undefined) return talked
    if (/\b(?:changed|updated|replaced|wrong|out ?dated|out of date|deprecated|obsolete|invalid)$/i.test(found)) return 0.7
    return /instruct|prompt|directive|your /i.test(found) ? undefined : 0.7
  },
})

export const overrides: readonly Matcher[] = [earlier, later, own, everything, instead, task, fresh, supersede, voided]
