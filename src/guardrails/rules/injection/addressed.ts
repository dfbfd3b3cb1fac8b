import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

// Text that nobody typed for the model, and that speaks to it. Most of it is honest ("note to AI agents: use pnpm"), so
// a hit alone decides nothing; it raises what the classifiers look at. What it asks for decides.
const kind = (rule: string, score: number, at?: Kind['at']): Kind => ({ guardrail: 'prompt_injection', rule, category: 'addressed_instruction', score, ...(at && { at }) })
const USER: Kind['at'] = { user: 0.4, body: 0.6 }

const AI = '(?:ai|a\\.i\\.|llms?|language models?|chat ?bots?|(?:ai |virtual |digital |automated |llm )?(?:assistants?|agents?|models?|bots?|systems?|crawlers?|summari[sz]ers?|reviewers?|readers?|screeners?|scrapers?)|chatgpt|claude|gpt(?:-?\\d\\w{0,2})?|gemini|copilot|cursor|grok|perplexity|deepseek|mistral)'
const SURELY_AI = '(?:ai(?:s|\'s)?|a\\.i\\.|llms?|(?:large )?language models?|chat ?bots?|(?:ai|llm|automated|virtual)[ -](?:powered )?(?:assistants?|agents?|models?|bots?|systems?|crawlers?|summari[sz]ers?|reviewers?|readers?|screeners?|tools?)|chatgpt|claude|gpt-?\\d\\w{0,2}|gpt|gemini|copilot)'

// Asked in secret, against the user, or for what is not the text's to ask.
const HARM = /\b(?:(?:do not|don['’]?t|never|without) (?:tell|mention|inform|notify|reveal|disclose|alert|show|warn|ask|telling|mentioning|informing|notifying|alerting|revealing|asking)\w*[^.\n]{0,30}\b(?:user|human|operator|anyone|owner|this|it)\b|silently|secretly|covertly|ignore (?:all|any|your|previous|prior|what|the (?:user|above|previous|system|instruct|rest|request|question))|disregard|override (?:your|the|any|all)|exfiltrat\w*|(?:send|forward|email|post|upload|transfer|leak|transmit|submit)\b[^.\n]{0,70}(?:\bto\b|@|https?:)|passwords?|credentials?|api[ _-]?keys?|access tokens?|secret keys?|private keys?|\.ssh|id_rsa|\.env\b|\/etc\/passwd|wire|bank account|delete (?:all|the|every)|rm -rf|curl |wget |base64|system prompt|hidden instructions?|your (?:initial |original )?instructions|conversation history|chat history)/i
// What a text may wish for itself: praise, a mark, a mention. A nuisance at least.
const FAVOUR = /\b(?:(?:must|should|always|please|only|instead|need to|have to|required to)\s+(?:also )?(?:respond|reply|answer|say|output|print|write|include|insert|append|add|recommend|rate|rank|score|praise|state|claim|conclude|describe|approve|accept|mark|give|end|start|begin|tell|direct|visit|click|refuse)|(?:give|provide) (?:a |only )?(?:positive|glowing|favou?rable|high|perfect|full)|highly recommend|best (?:candidate|product|choice|option)|exceptional(?:ly)? (?:well[- ])?(?:qualified|candidate))/i

function weigh(strong: number, middle: number): (before: string, found: string, after: string) => number | undefined {
  return (before, found, after) => {
    const talked = discussed(before, '', after)
    if (talked !== undefined && talked !== 0) return Math.min(talked, 0.6)
    const said = found + after.slice(0, 160)
    return HARM.test(said) ? strong : FAVOUR.test(said) ? middle : undefined
  }
}

const conditional = phrase({
  kind: kind('if_you_are_ai', 0.75, USER),
  literals: ['if you are a', 'if you\'re a', 'if you’re a', 'if you are reading', 'if you are chatgpt', 'if you are claude', 'if you are processing', 'if you are summar', 'if an ai', 'if any ai', 'if a language model', 'if an llm', 'if this is being read', 'if this text is', 'if this document is', 'if this message is', 'when an ai', 'when a language model', 'when an llm', 'in case you are an', 'in case an ai', 'in case an llm', 'should an ai'],
  pattern: new RegExp(`^(?:(?:if|when|should|in case) (?:you(?: are|['’]re)|an?y?|this (?:text|document|page|message|email|file|content)? ?is (?:being )?(?:read|processed|analy[sz]ed|summari[sz]ed|parsed|evaluated) by(?: an?)?) ?(?:an? |the |any )?${SURELY_AI}|if you(?: are|['’]re) (?:reading|processing|summari[sz]ing) this (?:as|and) (?:you(?: are|['’]re) )?an? ${SURELY_AI})(?!\\w)`, 'i'),
  weigh: weigh(0.93, 0.85),
})

const notes = phrase({
  kind: kind('note_to_ai', 0.7, USER),
  literals: ['note to', 'note for', 'notes for', 'notice to', 'notice for', 'message to', 'message for', 'attention', 'instruction to', 'instruction for', 'instructions to', 'instructions for', 'hint for', 'hint to', 'reminder for', 'reminder to', 'warning to', 'important for', 'important message for', 'dear ai', 'dear assistant', 'dear llm', 'dear chat', 'dear language model', 'dear claude', 'dear agent', 'hey ai', 'hey assistant', 'hey claude', 'hey chatgpt', 'hello ai', 'hello assistant', 'ai assistant:', 'ai agent:', 'ai:', 'llm:', 'to the ai', 'to any ai', 'to all ai', 'to any llm', 'to the llm', 'to the language model', 'to whichever ai', 'for ai assistants', 'for ai agents', 'for any ai', 'for ai models', 'for llms', 'for the ai', 'for the assistant', 'for language models', 'directive for', 'guidance for ai', 'memo to'],
  pattern: new RegExp(`^(?:(?:(?:important|urgent|special|private|hidden|internal) )?(?:notes?|notice|message|attention|instructions?|hint|reminder|warning|important|directive|guidance|memo)(?: message| notice)?(?: to|:| for)?(?: all| any| the| whatever){0,3}|(?:dear|hey|hello)|(?:to|for) (?:the|any|all|whichever)?)\\s?${SURELY_AI}(?:(?: assistants?| agents?| models?| systems?)?(?: (?:reading|processing|summari[sz]ing|reviewing|that (?:reads|processes)|handling|parsing|evaluating|analy[sz]ing|working on) [^.:\\n]{0,40})?)\\s?[:,.!—–-]`, 'i'),
  weigh: weigh(0.92, 0.8),
})

const must = phrase({
  kind: kind('ai_must', 0.7, USER),
  literals: ['ai assistants ', 'ai assistant ', 'ai agents ', 'ai agent ', 'ai models ', 'ai model ', 'ai systems ', 'any ai', 'all ai', 'the ai ', 'the assistant ', 'the agent ', 'the llm', 'the language model', 'the model ', 'llms ', 'language models ', 'the chatbot', 'assistant, ', 'assistant must', 'assistant should', 'agents must', 'agents should', 'claude must', 'claude should', 'chatgpt must', 'chatgpt should', 'copilot must', 'copilot should', 'ai must', 'ai should'],
  pattern: new RegExp(`^(?:the |any |all )?${AI}(?: (?:reading|processing|summari[sz]ing|reviewing|that (?:reads|processes)|handling|parsing|evaluating|analy[sz]ing) (?:this|the) [\\w ]{2,30})?,? (?:must|should|shall|need to|needs to|is required to|are required to|is instructed to|are instructed to|has to|have to|is to|will now|please)(?: now| always| also| immediately| first| then)? \\w{2,20}`, 'i'),
  weigh(before, found, after) {
    const talked = discussed(before, '', after)
    if (talked !== undefined && talked !== 0) return 0.4
    const said = found + after.slice(0, 140)
    const here = /(?:reading|processing|summari[sz]ing|reviewing|evaluating|analy[sz]ing) (?:this|the)/i.test(found)
    if (HARM.test(said)) return here ? 0.92 : 0.75
    return here ? 0.8 : 0.4
  },
})

const covert = phrase({
  kind: kind('hidden_from_user', 0.8, { user: 0.3, body: 0.5, tool_definition: 0.75 }),
  literals: ['do not tell', 'don\'t tell', 'don’t tell', 'do not mention', 'don\'t mention', 'don’t mention', 'do not inform', 'don\'t inform', 'do not notify', 'don\'t notify', 'do not reveal', 'don\'t reveal', 'do not disclose', 'do not alert', 'do not show', 'do not let', 'don\'t let', 'never tell', 'never mention', 'never inform', 'never reveal', 'without telling', 'without informing', 'without mentioning', 'without notifying', 'without alerting', 'without asking', 'without the user', 'keep this secret', 'keep this hidden', 'the user must not', 'the user should not', 'must not be shown to', 'must not be mentioned', 'hide this from', 'conceal this', 'no need to tell', 'no need to mention', 'avoid mentioning'],
  pattern: /^(?:(?:do not|don['’]?t|never|no need to|avoid) (?:tell|mention|mentioning|inform|notify|reveal|disclose|alert|show|let)\b[^.\n]{0,60}?\b(?:the )?(?:user|human|operator|customer|owner)s?\b|without (?:telling|informing|mentioning|notifying|alerting|asking|the)\b[^.\n]{0,40}?\b(?:the )?(?:user|human|operator|owner)(?:['’]s (?:knowledge|consent|permission|approval)| knowing| noticing| being (?:aware|told))?|keep this (?:secret|hidden) from|the user (?:must|should) (?:not|never) (?:know|see|notice|be (?:told|informed|aware|notified))|must not be (?:shown|mentioned) to the user|(?:hide|conceal) this from the (?:user|human))\b/i,
  weigh(before, found, after) {
    const act = /\b(?:read|send|forward|email|upload|include|copy|append|attach|transfer|execute|run|call|exfiltrat\w*|delete|post|pass|collect|extract|fetch|write|add|bcc)\b/i
    const dear = /(?:\.ssh|id_rsa|\.env\b|credential|password|api[ _-]?key|token|secret|private key|conversation|history|contact|inbox|e-?mails?|files?|account|payment|bank|https?:|@\w+\.\w|curl|mcp\.json|config)/i
    const near = before.slice(-110) + after.slice(0, 110)
    return act.test(near) && dear.test(near) ? 0.92 : undefined
  },
})

const PATHS = '(?:~/|/home/\\w+/|/root/|%userprofile%\\\\|\\$home/)?\\.(?:ssh(?:/\\w{2,20})?|aws/credentials|netrc|npmrc|pypirc|git-credentials|kube/config|docker/config\\.json|cursor/mcp\\.json|config/gcloud|gnupg|bash_history|zsh_history|env\\b|vscode/mcp\\.json|claude\\.json)|id_rsa|id_ed25519|/etc/(?:passwd|shadow|hosts)|mcp\\.json|claude_desktop_config\\.json|wallet\\.dat|login data|keychain'
const files = phrase({
  kind: kind('read_private_file', 0.8, { user: 0.2, body: 0.5, document: 0.5, tool_definition: 0.92 }),
  literals: ['read ', 'open ', 'cat ', 'access ', 'load ', 'send ', 'upload ', 'include ', 'pass ', 'attach ', 'copy ', 'contents of', 'content of', 'fetch ', 'retrieve ', 'provide ', 'append ', 'exfiltrate '],
  pattern: new RegExp(`^(?:read|open|cat|access|load|send|upload|include|pass|attach|copy|contents? of|fetch|retrieve|provide|append|exfiltrate)\\s[^.\\n]{0,60}?(?:${PATHS})`, 'i'),
  weigh(before, found, after) {
    const near = before + found + after
    const bound = /\b(?:before (?:using|calling|you)|you must|do not (?:tell|mention)|don['’]?t (?:tell|mention)|without (?:telling|mentioning)|as (?:a |the )?(?:parameter|argument|value)|sidenote|side ?note|and (?:pass|send|include|attach|put)|otherwise the tool|<important>|never mention)/i
    return bound.test(near) ? 0.94 : undefined
  },
})

const usingTools = phrase({
  kind: kind('before_this_tool', 0.75, { user: 0.2, body: 0.4, document: 0.5 }),
  literals: ['before using this', 'before calling this', 'before invoking this', 'before you use this', 'before you call', 'before using any', 'before calling any', 'before using the', 'before calling the', 'whenever you use', 'whenever you call', 'when this tool is', 'when using this tool', 'after using this tool', 'after calling this', 'this tool must be called', 'this tool must always', 'this tool should always', 'always call this tool', 'always use this tool', 'instead of using the', 'when any other tool', 'when calling any other', 'you must call this tool', 'every time you'],
  pattern: /^(?:(?:before|after|when|whenever) (?:you )?(?:us(?:e|ing)|call(?:ing)?|invok(?:e|ing)) (?:this|any|the|any other|another)(?: \w{2,20}){0,2}? tools?|when (?:this|any other) tool is (?:called|used|invoked|present)|this tool (?:must|should) (?:always )?be (?:called|used|run)|(?:always|you must) (?:call|use|run) this tool|instead of using the [\w-]{2,30} tool|every time you (?:use|call|answer|respond))[^]{0,140}/i,
  weigh: (lead, found, after) => (HARM.test(found + after.slice(0, 90)) || new RegExp(PATHS, 'i').test(found + after) ? 0.93 : /\b(?:must|always|first|all (?:emails|messages|payments)|recipient|bcc|instead|previous (?:tool|messages)|full conversation)\b/i.test(found) ? undefined : discussed(lead, '', after) ?? 0.4),
})

const summarizing = phrase({
  kind: kind('when_summarizing', 0.75, USER),
  literals: ['when summar', 'while summar', 'if summar', 'when processing', 'while processing', 'when asked about', 'when asked to summar', 'when reading this', 'when you read this', 'after reading this', 'upon reading this', 'when translating', 'when analyzing', 'when analysing', 'when reviewing this', 'when evaluating', 'when answering', 'instead of summar', 'instead of translating', 'instead of answering', 'in your summary', 'in your response', 'in your answer', 'in your reply', 'in your output', 'your summary must', 'your response must', 'your answer must', 'any summary of this', 'the summary must', 'summaries of this', 'before summar', 'before you summar', 'before answering', 'before responding'],
  pattern: /^(?:(?:(?:when|while|if|upon|after|before|instead of) (?:you )?(?:(?:are )?asked (?:about|to summari[sz]e) |read(?:ing)? |summari[sz]\w* |process\w* |translat\w* |analy[sz]\w* |review\w* |evaluat\w* |answer\w* |respond\w* )(?:(?:to|about|questions? (?:about|on)|regarding|any|the user(?:['’]s)?|user|this|the|these|it) ){0,4}(?:document|text|page|email|e-mail|file|message|content|article|resume|cv|application|candidate|paper|product|website|review|request|question|query|user|code|repository|data|record|ticket|report)?s?|in your (?:summary|response|answer|reply|output),?|(?:your|the|any) (?:summary|response|answer|summaries)(?: of this \w{2,14})? must)\b)[^.\n]{0,160}/i,
  weigh(lead, found, after) {
    const said = found + after.slice(0, 60)
    if (HARM.test(said)) return discussed(lead, '', after) ?? (/^in your/i.test(found) ? 0.8 : 0.9)
    return /\b(?:must|always|do not|never|make sure|be sure|ensure|include|say|insert|append|mention|recommend|rate|state|output|respond with|add|end with|link|visit|click)\b/i.test(found.slice(8)) ? (/^in your/i.test(found) ? 0.6 : undefined) : 0
  },
})

const comment = phrase({
  kind: kind('hidden_comment', 0.85, { user: 0.6 }),
  across: true,
  literals: ['<!--', '[//]: #', '[comment]: #', '<span style', '<div style', '<p style', '<font color', 'display:none', 'display: none', 'visibility:hidden', 'visibility: hidden', 'font-size:0', 'font-size: 0', 'font-size:1px', 'opacity:0', 'opacity: 0', 'color:white', 'color: white', 'color:#fff', 'color: #fff', 'aria-hidden="true"'],
  pattern: /^(?:<!--|\[(?:\/\/|comment\]?): #|<(?:span|div|p|font)\s|display:|visibility:|font-size:|opacity:|color:|aria-hidden)[^]{0,90}?(?:\bignore (?:all|any|the|your|previous|prior)|disregard|\b(?:ai|llm|assistants?|chatbot|language model|ai agent)s?\b[^]{0,60}?(?:must|should|please|ignore|do not|instruct|include|say|read|send)|system (?:prompt|override|message|instruction)|you (?:must|are now|will now|should now)|new instructions?|hidden instructions?|instructions? (?:for|to) (?:the )?(?:ai|llm|assistant|model|agent)|prompt injection|exfiltrat|override (?:your|all|previous))/i,
  weigh(lead, found, after) {
    const hides = /^(?:<!--|\[)/.test(found) ? !/-->/.test(found) : /display:\s?none|visibility:\s?hidden|font-size:\s?[01](?:px|pt|em)?\b|opacity:\s?0(?!\.[1-9])|color:\s?(?:white|#fff)|<font color="?(?:white|#fff)/i.test(found)
    if (!hides) return 0
    return HARM.test(found + after.slice(0, 100)) || /ignore|disregard|override|you (?:must|are now)|new instructions/i.test(found) ? 0.92 : undefined
  },
})

export const addressed: readonly Matcher[] = [conditional, notes, must, covert, files, usingTools, summarizing, comment]
