import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const kind = (rule: string, score: number): Kind => ({ guardrail: 'prompt_injection', rule, category: 'template_forgery', score })

// A lone control token is what documentation shows; a turn that is closed and another opened is a forgery.
const markup = phrase({
  kind: kind('chat_markup', 0.93),
  literals: ['<|im_start|>', '<|im_end|>', '<|start_header_id|>', '<|eot_id|>', '<|system|>', '<|assistant|>', '<|end|>', '<|endoftext|>', '<|start|>', '[/inst]', '[inst]', '<<sys>>', '<</sys>>', '<start_of_turn>', '<end_of_turn>', '</s>', '<｜'],
  pattern: /^(?:<\|im_end\|>\s{0,3}<\|im_start\|>|<\|im_start\|>\s{0,2}(?:system|developer|assistant)|(?:<\|eot_id\|>\s{0,3})?<\|start_header_id\|>\s{0,2}(?:system|assistant|user)|<\|system\|>|<\|end\|>\s{0,3}<\|(?:start|system|assistant)\|>|<\|endoftext\|>\s{0,3}(?:<\||system|assistant|ignore|new|you)|<\|start\|>(?:system|developer|assistant)|\[\/inst\][^[\n]{0,80}\[inst\]|\[inst\]\s{0,3}<<sys>>|<<sys>>|<<\/sys>>\s{0,3}\[\/inst\]|<end_of_turn>\s{0,3}<start_of_turn>|<start_of_turn>(?:system|model)|<\/s>\s{0,3}(?:<s>|\[inst\]|<\|))/i,
  weigh: (before, found) => (/```[^`]{0,90}$|`$/.test(before) ? 0.7 : (discussed(before, found) ?? undefined)),
})

const turns = phrase({
  kind: kind('closed_container', 0.92),
  literals: ['</system', '</user', '</document', '</untrusted', '</data', '</context', '</tool_result', '</function_results', '</prompt', '</input', '</query', '</instructions'],
  pattern: /^<\/(?:system(?:_prompt)?|user(?:_input|_query|_message)?|documents?|untrusted(?:_\w{1,12})?|data|context|tool_results?|function_results|prompt|input|query|instructions)>\s{0,4}(?:<(?:system(?:_prompt)?|assistant|instructions?|admin|developer)>|(?:system|new|admin|developer)\s?(?:instructions?|message|prompt)?\s?:)/i,
})

const headers = phrase({
  kind: kind('false_authority', 0.91),
  literals: ['system override', 'system: override', '[system', 'admin override', 'override protocol', '### system', '## system', '*** system', 'begin system', 'important system', 'developer override', 'override code', 'new system message'],
  pattern: /^(?:(?:system|admin|developer):? override|override (?:protocol|code)|new system message|(?:#{2,4}|\*{3})\s?(?:new )?system\s?(?:message|override|instructions?|prompt|update)?\s?:\s{0,3}(?:you|ignore|disregard|forget|the (?:assistant|user|previous)|override|from now|new)|\[\s?system\s?(?:message|override|note|notice|instructions?|update|command|admin)?\s?\](?:\([^)\n]{0,40}\))?\s?[:\n-]?\s{0,3}(?:you (?:must|are|will|should)|ignore|disregard|forget|override|from now|new (?:instruction|directive|priority)|the assistant|assistant|execute|urgent|attention|#)|begin system (?:override|prompt|message|instructions)|important system (?:message|instruction|override))/i,
  weigh: (before, found) => discussed(before, found) ?? (/^(?:override (?:code|protocol))/i.test(found) ? 0.75 : undefined),
})

const ends = phrase({
  kind: kind('false_ending', 0.85),
  literals: ['end of user', 'end of system', 'end of prompt', 'end of instruction', 'end of the user', 'end of document', 'end of context', 'end of input', 'end user input', 'end system prompt'],
  pattern: /^end (?:of )?(?:the )?(?:(?:user|system) )?(?:input|prompt|instructions?|document|context|message|query)[\])}>=\s.*_:-]{2,40}(?:begin|start|new|now|system|you|instead|ignore|the (?:following|assistant))/i,
  weigh: (before, found) => (/\b(?:ignore|disregard|system|new instruction)/i.test(found.replace(/^end of (?:the )?system/i, '')) ? 0.92 : discussed(before, found)),
})

const calls = phrase({
  kind: kind('forged_call', 0.85),
  literals: ['<function_calls>', '<tool_call>', '<invoke name', '<|python_tag|>', '<|tool_call', '[tool_calls]', 'antml:invoke'],
  pattern: /^(?:<function_calls>|<tool_call>\s{0,3}\{|<invoke name=|<\|python_tag\|>|<\|tool_calls?|\[tool_calls\]\s?\[|antml:invoke)/i,
})

export const forgeries: readonly Matcher[] = [markup, turns, headers, ends, calls]
