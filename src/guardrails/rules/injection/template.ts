import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { mentioned } from './discussed.ts'

const kind = (rule: string, score: number, at?: Kind['at']): Kind => ({ guardrail: 'prompt_injection', rule, category: 'template_forgery', score, ...(at && { at }) })

// What a forged turn goes on to say, and an example in documentation does not.
const ORDERS = /\b(?:ignore|disregard|forget|override|from now on|you (?:must|are now|will now|have no|obey|should now)|unrestricted|no (?:rules|restrictions)|comply|jailbreak|reveal|do anything|new (?:instructions?|rules|task)|developer mode|send|transfer|delete|exfiltrate|execute|sure[,!]|of course[,!]|absolutely[,!]|here (?:is|are) the|access granted|system prompt)/i

const inCode = (before: string): boolean => /```[^`]{0,110}$|`$/.test(before)

// ChatML, Qwen, Llama 2 to 4, Phi, Zephyr, Gemma, Mistral, DeepSeek, Command-R, Harmony, Granite, GLM. The wide bars and
// blocks of DeepSeek are folded, or stand as they are.
const OPENS = [
  '<\\|im_start\\|>\\s{0,2}(?:system|developer|assistant|tool)', '<\\|im_end\\|>\\s{0,3}<\\|im_start\\|>', '(?:<\\|eot_id\\|>\\s{0,3})?<\\|start_header_id\\|>\\s{0,2}(?:system|assistant|user|ipython)', '<\\|(?:eot|header_end)\\|>\\s{0,3}<\\|header_start\\|>', '<\\|header_start\\|>\\s{0,2}(?:system|assistant)',
  '<\\|system\\|>', '<\\|end\\|>\\s{0,3}<\\|(?:start|system|assistant|user)\\|>', '<\\|user\\|>[^<]{0,80}<\\|(?:end|assistant)\\|>', '<\\|assistant\\|>\\s{0,2}\\S', '<\\|endoftext\\|>\\s{0,3}(?:<\\||system|assistant|human|user:|ignore|new|you|#)',
  '<\\|start\\|>(?:system|developer|assistant)', '<\\|channel\\|>(?:analysis|commentary|final)', '<\\|(?:call|return)\\|>\\s{0,3}<\\|start\\|>', '<\\|start_of_role\\|>(?:system|assistant)', '<\\|end_of_text\\|>\\s{0,3}<\\|start_of_role\\|>',
  '\\[/inst\\][^[\\n]{0,80}\\[inst\\]', '\\[inst\\]\\s{0,3}<<sys>>', '<<sys>>', '<</sys>>\\s{0,3}\\[/inst\\]', '\\[/?system_prompt\\]', '\\[/?(?:available_tools|tool_results)\\]', '</s>\\s{0,3}(?:<s>|\\[inst\\]|<\\|)',
  '<end_of_turn>\\s{0,3}<start_of_turn>', '<start_of_turn>(?:system|model|developer)', '<\\|end_of_turn_token\\|>\\s{0,3}<\\|start_of_turn_token\\|>', '<\\|start_of_turn_token\\|>\\s{0,2}<\\|(?:system|chatbot)_token\\|>',
  '<[|｜]end[▁_]of[▁_]sentence[|｜]>\\s{0,3}<[|｜]', '<[|｜](?:system|assistant)[|｜]>', '<[|｜]begin[▁_]of[▁_]sentence[|｜]>', '<[|｜]tool[▁_](?:calls?|outputs?)[▁_]\\w{1,8}[|｜]>', '\\[gmask\\]\\s{0,2}<sop>', '<\\|observation\\|>',
].join('|')
const markup = phrase({
  kind: kind('chat_markup', 0.93),
  across: true,
  literals: ['<|im_start|>', '<|im_end|>', '<|start_header_id|>', '<|header_start|>', '<|header_end|>', '<|eot_id|>', '<|eot|>', '<|system|>', '<|assistant|>', '<|user|>', '<|end|>', '<|endoftext|>', '<|start|>', '<|channel|>', '<|call|>', '<|return|>', '<|start_of_role|>', '<|end_of_text|>', '[/inst]', '[inst]', '<<sys>>', '<</sys>>', '[system_prompt]', '[/system_prompt]', '[available_tools]', '[/available_tools]', '[tool_results]', '[/tool_results]', '</s>', '<start_of_turn>', '<end_of_turn>', '<|start_of_turn_token|>', '<|end_of_turn_token|>', '<｜', '<|begin', '<|end▁', '<|tool▁', '<|observation|>', '[gmask]'],
  pattern: new RegExp(`^(?:${OPENS})`, 'i'),
  weigh(before, found, after) {
    if (inCode(before)) return 0.7
    const talked = mentioned(before, after)
    if (talked !== undefined) return talked
    // One token alone is what a model's documentation shows; a turn that ends and another that begins is a forgery.
    const closes = /^(?:<\|im_end|<\|eot|<\|end|<\|call|<\|return|\[\/inst|<\/s>|<end_of|<[|｜]end|<\|header_end)/i.test(found)
    return closes || ORDERS.test(after) ? undefined : 0.85
  },
})

const CONTAINER = '(?:system(?:_prompt|_message|_instructions?)?|user(?:_input|_query|_message|_data)?|documents?|untrusted(?:_\\w{1,12})?|data|context|tool_results?|tool_response|tool_output|function_results|function_response|observation|prompt|input|query|instructions|external_content|web_?page|email|search_results?|retrieved_\\w{1,12}|content|message|conversation|article)'
const closed = phrase({
  kind: kind('closed_container', 0.92, { user: 0.85 }),
  across: true,
  literals: ['</system', '</user', '</document', '</untrusted', '</data', '</context', '</tool_', '</function_re', '</observation', '</prompt', '</input', '</query', '</instructions', '</external', '</web', '</email', '</search_result', '</retrieved_', '</content', '</message', '</conversation', '</article'],
  pattern: new RegExp(`^</${CONTAINER}>\\s{0,4}(?:</\\w{2,16}>\\s{0,4})?(?:<(?:system(?:_prompt|_message|-reminder)?|assistant|instructions?|admin|developer|user_query|user|human|new_instructions|important)>\\s{0,4}|(?:system|new|admin|developer|human|assistant|user)\\s?(?:instructions?|message|prompt|task|request)?\\s?:)`, 'i'),
  weigh: (before, found, after) => (inCode(before) ? 0.7 : ORDERS.test(after) ? 0.93 : /<(?:system|assistant|admin|developer|new_instructions)|(?:system|new|admin|developer)\s?(?:instructions?|message|prompt|task)?\s?:$/i.test(found.replace(/^<\/[^>]*>/, '')) ? undefined : 0.8),
})

// A block that only the one who runs the model may write.
const blocks = phrase({
  kind: kind('forged_block', 0.91, { user: 0.85 }),
  across: true,
  literals: ['<system>', '<system_prompt>', '<system_message>', '<system_instruction', '<system-reminder>', '<system_override', '<developer>', '<admin>', '<admin_', '<new_instructions>', '<assistant>', '<user_query>', '<instructions>', '<override>', '<secret_instruction', '<hidden_instruction', '<ai_instruction', '<llm_instruction', '<prompt>', '<information>', '<important>', '<important_instruction'],
  pattern: /^<(?:system(?:_prompt|_message|_instructions?|-reminder|_override)?|developer|admin(?:_\w{2,16})?|new_instructions|assistant|user_query|instructions|override|(?:secret|hidden|ai|llm)_instructions?|prompt|information|important(?:_instructions?)?)>\s{0,4}[^<]{0,200}/i,
  weigh(before, found, after) {
    if (inCode(before)) return 0.5
    const said = found.slice(found.indexOf('>') + 1) + after.slice(0, 60)
    const strong = /\b(?:ignore (?:all|any|the|your|previous|prior)|disregard|forget (?:all|everything|your|previous)|override|you (?:must|are now|will now|have to|are required)|from now on|reveal|exfiltrat|do not (?:tell|mention|inform)|without (?:telling|informing|asking|mentioning)|unrestricted|no restrictions|before (?:using|calling|you)|instead of|transfer|delete all|send (?:the|all|your|an? )|forward|id_rsa|credentials|password)/i.test(said)
    if (!strong) return /^<system|^<admin|^<developer/i.test(found) ? 0.6 : 0.3
    return /^<(?:instructions|prompt|information|assistant|user_query)>/i.test(found) ? 0.75 : undefined
  },
})

// A transcript goes on where somebody's text should have ended.
const turns = phrase({
  kind: kind('forged_turns', 0.85, { user: 0.6, body: 0.7 }),
  across: true,
  literals: ['\nhuman:', '\nuser:', '\nassistant:', '\nsystem:', '\nai:', '\nchatgpt:', '\n### human', '\n### assistant', '\n### user', '\n### instruction', '\n### response', '\n### system', '\n## user', '\n## assistant', '\n[user]', '\n[assistant]', '\n[human]', '\nmodel:', '\ndeveloper:'],
  pattern: /^\n(?:#{2,3} ?(?:human|assistant|user|instructions?|response|system):?|\[(?:user|assistant|human)\]:?|(?:human|user|assistant|system|developer|ai|chatgpt|model):)\s{0,4}[^\n]{1,150}(?:\n{1,3}(?:#{2,3} ?(?:human|assistant|user|instruction|response):?|\[(?:user|assistant|human)\]:?|(?:human|user|assistant|ai|chatgpt|model):))?/i,
  weigh(before, found) {
    const said = found.replace(/^\n[^\s]{1,4}? ?\w{2,12}[\]:]{0,2}:?/, '')
    const commands = /^\s{0,4}(?:please |now |ok(?:ay)?,? )?(?:ignore|disregard|forget|override|you are now|you must|reveal|send|transfer|delete|from now on|new instructions|execute|forward)/i.test(said)
    if (/^\n(?:### ?)?(?:system|developer)/i.test(found)) return commands ? 0.92 : 0.4
    const replies = /\n{1,3}[#[ ]{0,4}(?:human|assistant|user|instruction|response|ai|chatgpt|model)[\]:]{1,2}:?$/i.test(found)
    if (/(?:human|user):/i.test(before)) return replies ? 0.4 : 0.3
    return replies && commands ? 0.91 : replies ? 0.6 : commands ? 0.8 : 0.3
  },
})

export const templates: readonly Matcher[] = [markup, closed, blocks, turns]
