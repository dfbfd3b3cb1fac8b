import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const kind = (rule: string, category: string, score: number, at?: Kind['at']): Kind => ({ guardrail: 'prompt_injection', rule, category, score, ...(at && { at }) })

const ORDER = '(?:you (?:must|are|will|should|have|can)|ignore|disregard|forget|override|from now on|new (?:instruction|directive|priority|task)|the (?:assistant|user|previous|following)|assistant|execute|urgent|attention|all (?:previous|prior|safety|restrictions)|reveal|output|disable|enable|grant|switch|send|print|respond)'

const headers = phrase({
  kind: kind('false_header', 'template_forgery', 0.91),
  literals: ['system override', 'system: override', '[system', '[admin', '[developer', '[root', '[override', 'admin override', 'override protocol', '### system', '## system', '# system', '*** system', '**system', 'begin system', 'important system', 'developer override', 'override code', 'new system message', 'system alert:', 'system notice:', 'system message:', 'system update:', 'system notification:', 'system instruction', 'system command:', 'system directive', 'admin command', 'admin instruction', 'administrator instruction', 'developer instruction', 'developer message', 'developer note', 'priority instruction', 'priority override', 'root command', 'emergency override', 'security override', 'maintenance override'],
  pattern: new RegExp(`^(?:(?:system|admin|developer|emergency|security|priority|maintenance):? override|override (?:protocol|code)|new system message|\\[?(?:admin(?:istrator)?|developer|root|priority|system) (?:commands?|instructions?|directives?|messages?|notes?|alert|notice|update|notification)\\]?\\s?:\\s{0,3}${ORDER}|(?:#{1,4}|\\*{2,3})\\s?(?:new )?system\\s?(?:message|override|instructions?|prompt|update)?\\s?(?:\\*{2,3})?:?\\s{0,3}(?:\\*{2,3})?(?:you (?:must|are|will)|ignore|disregard|forget|the (?:assistant|user|previous)|override|from now|new)|\\[\\s?(?:system|admin|developer|root|override)\\s?(?:message|override|note|notice|instructions?|update|command|admin|mode|prompt|alert)?\\s?\\](?:\\([^)\\n]{0,40}\\))?\\s?[:\\n-]?\\s{0,3}(?:${ORDER}|#)|begin system (?:override|prompt|message|instructions)|important system (?:message|instruction|override))`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, found, after)
    if (talked !== undefined) return talked
    return /^(?:override (?:code|protocol)|developer note|#)/i.test(found) && !/ignore|disregard|forget|override[^c]|must|from now/i.test(found.slice(3)) ? 0.7 : undefined
  },
})

const WHO = '(?:(?:the|your|an?|one of the|one of your) )?(?:(?:openai|anthropic|google|meta|microsoft|system|lead|chief|senior|head|original|ai|authorized|verified|root) ){0,2}(?:developers?|creators?|administrators?|admins?|programmers?|engineers?|owners?|maintainers?|operators?|red ?team(?:er)?s?|security (?:team|researchers?|auditors?))'
const claims = phrase({
  kind: kind('claims_authority', 'false_authority', 0.91, { document: 0.85 }),
  literals: ['i am the ', 'i am your', 'i am an ', 'i am a ', 'i am one of', 'i am authorized', 'i am openai', 'i\'m the ', 'i’m the ', 'i\'m your', 'i’m your', 'im your', 'i\'m an ', 'i\'m a ', 'this is your', 'this is the', 'this is openai', 'this is an ', 'this is a message from', 'speaking as', 'as your ', 'as the ', 'as an ', 'as a ', 'message from', 'on behalf of', 'by order of', 'authorized by', 'i have admin', 'i have root', 'i have developer', 'you have been granted', 'admin access granted', 'root access granted', 'developer access granted', 'you have temporary admin', 'we, the developers'],
  pattern: new RegExp(`^(?:(?:i am|i['’]?m|this is|speaking as|as|on behalf of|by order of|authorized by|(?:this is )?(?:a |an )?(?:urgent |direct |new )?message from|we,) ${WHO}(?: (?:of|from|at|for|here) (?:this|the|your|openai|anthropic|google)? ?\\w{0,14})?|i have (?:admin(?:istrator)?|root|developer|full) (?:access|rights|privileges)|(?:you have (?:been granted |temporary )?)?(?:admin|root|developer) access(?: granted)?)\\b[^]{0,130}?\\b(?:ignore (?:all|your|any|the|previous)|disregard (?:all|your|any|the)|override (?:your|all|the (?:safety|previous|restrictions))|(?:disable|turn off|bypass|lift|suspend|remove) (?:all |any )?(?:of )?(?:your|the (?:safety|content)|safety|content|restrictions|filters)|reveal (?:your|the (?:system|hidden|secret))|(?:show|print|output|give|tell) (?:me )?(?:your|the) (?:system prompt|initial|hidden|instructions|secret|full prompt)|you (?:must|are (?:now )?(?:authorized|allowed|permitted|required) to|can now|have permission to) (?:comply|obey|ignore|bypass|reveal|disclose|answer|follow|override|share)|without (?:any )?(?:restrictions|filters|limitations)|no longer (?:bound|restricted|apply|have to)|unrestricted)`, 'i'),
  weigh: (before, found, after) => (/^as (?:a|an|the) /i.test(found) && !/\b(?:your|you)\b/i.test(found) ? 0.6 : discussed(before, '', after)),
})

const ends = phrase({
  kind: kind('false_ending', 'template_forgery', 0.85, { user: 0.7 }),
  across: true,
  literals: ['end of user', 'end of system', 'end of prompt', 'end of instruction', 'end of the user', 'end of the document', 'end of the prompt', 'end of document', 'end of context', 'end of input', 'end of text', 'end of article', 'end of email', 'end of data', 'end of untrusted', 'end of file', 'end of transcript', 'end user input', 'end untrusted', 'end system prompt', 'end of conversation', 'end of query', 'end document', 'end context', 'end data', 'end of tool', 'end of external', 'end of message'],
  pattern: /^end (?:of )?(?:the )?(?:(?:user|system|untrusted|external|tool) ){0,2}(?:input|prompt|instructions?|document|context|message|query|text|article|email|data|file|transcript|conversation|content|output|result)s?[\])}>=\s.*_:;#%|/!-]{2,40}(?:begin|start|new|now|system|you|instead|ignore|the (?:following|assistant)|your|thank|next|real|actual|assistant|disregard|as an)/i,
  weigh: (before, found, after) => (/(?:ignore|disregard|system|new|your|real|actual|begin|start)$/i.test(found.replace(/^end (?:of )?(?:the )?system/i, '')) && /^[^]{0,80}\b(?:instruct|ignore|disregard|system prompt|you (?:must|are|will)|task is|new (?:user|system)|override|prompt|request)/i.test(found.slice(-8) + after) ? 0.92 : discussed(before, found, after)),
})

export const authorities: readonly Matcher[] = [headers, claims, ends]
