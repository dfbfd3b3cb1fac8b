import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const kind = (rule: string, score: number, at?: Kind['at']): Kind => ({ guardrail: 'prompt_injection', rule, category: 'forged_call', score, ...(at && { at }) })

// People show such markup to models all day while they build agents; a tool result or a document has no use for it.
const BUILDERS: Kind['at'] = { user: 0.6, document: 0.8 }
const inCode = (before: string): boolean => /```[^`]{0,110}$|`$/.test(before)
const ACTS = /\b(?:send|delete|transfer|drop|execute|exec|shell|bash|run_command|write_file|forward|upload|http|curl|rm -|payment|password|email|purchase|grant|eval)/i

const markup = phrase({
  kind: kind('call_markup', 0.91, BUILDERS),
  across: true,
  literals: ['<function_calls>', '<tool_call>', '<tool_calls>', '<tool_use>', '<invoke name', '<function=', '<function_call>', '<|python_tag|>', '<|tool_call', '<|tool▁call', '[tool_calls]', 'antml:invoke', 'antml:function', '<tool_code>', '<use_mcp_tool>', '<execute_command>', '<tool_response>', '<function_results>', '<tool_result>', '<|recipient|>', 'to=functions.', 'to=browser.', 'to=python'],
  pattern: /^(?:<function_calls>\s{0,4}<|<tool_calls?>\s{0,4}[{[<]|<tool_use>\s{0,4}[<{]|<invoke name=["'][\w.:-]{1,64}["']>|<function=[\w.-]{1,64}>|<function_call>\s{0,4}\{|<\|python_tag\|>|<\|tool[_▁]calls?[\w▁]{0,16}\|>|\[tool_calls\]\s?\[|antml:(?:invoke|function_calls)|<tool_code>\s{0,4}\S|<use_mcp_tool>|<execute_command>\s{0,4}<command>|<(?:tool_response|function_results|tool_result)>\s{0,4}\S|<\|recipient\|>|to=(?:functions|browser|python)[.\w]{0,40}\s?(?:<\||code|json|\{))[^]{0,120}/i,
  weigh(before, found) {
    if (inCode(before)) return 0.5
    if (/^<(?:tool_response|function_results|tool_result|tool_code)/i.test(found)) return ACTS.test(found) ? 0.85 : 0.7
    return ACTS.test(found) ? undefined : 0.8
  },
})

const roles = phrase({
  kind: kind('role_in_json', 0.8, { user: 0.4, document: 0.6, body: 0.5, tool_definition: 0.7 }),
  literals: ['"role"', '\\"role\\"', '\'role\'', '"tool_calls"', '\\"tool_calls', '"function_call"', '\\"function_call', '"type":"tool_use"', '"type": "tool_use"', '"type":"tool_result"', '"type": "tool_result"', '"recipient_name"'],
  pattern: /^(?:\\?["']role\\?["']\s?:\s?\\?["'](?:system|developer|assistant|tool)\\?["']\s?,?\s?[^]{0,160}|\\?"(?:tool_calls|function_call)\\?"\s?:\s?[[{]\s{0,4}(?:\{\s{0,4})?\\?"(?:id|type|function|name|index)\\?"[^]{0,100}|"type"\s?:\s?"tool_(?:use|result)"\s?,[^]{0,100}|"recipient_name"\s?:\s?"[\w.]{1,40}")/i,
  weigh(before, found) {
    if (inCode(before)) return 0.4
    const orders = /\b(?:ignore (?:all|any|previous|prior|the|your)|disregard (?:all|any|previous|the|your)|you (?:must|are now|will now|have no)|from now on|override|unrestricted|no restrictions|new instructions|reveal (?:your|the) (?:system|secret|hidden)|jailbr|do anything now)/i
    return /^\\?["']role/.test(found) && /system|developer|assistant/i.test(found.slice(0, 40)) && orders.test(found) ? 0.92 : ACTS.test(found) ? undefined : 0.6
  },
})

const rpc = phrase({
  kind: kind('json_rpc', 0.85, { user: 0.4, document: 0.6, body: 0.5 }),
  literals: ['"method":"tools/', '"method": "tools/', '"method":"sampling/', '"method": "sampling/', '"method":"notifications/tools', '"method": "notifications/tools', '"method":"elicitation/', '"method": "elicitation/', '"method":"resources/', '"method": "resources/', '"method":"roots/', '"method": "roots/', '"method":"prompts/', '"method": "prompts/'],
  pattern: /^"method"\s?:\s?"(?:tools\/(?:call|list)|sampling\/createMessage|notifications\/tools\/list_changed|elicitation\/create|resources\/(?:read|subscribe|list)|roots\/list|prompts\/get)"[^]{0,120}/i,
  weigh: (before, found) => (inCode(before) ? 0.4 : /tools\/call|sampling\/|elicitation\//i.test(found) ? undefined : 0.6),
})

// ReAct: the model's own notes, written by somebody else.
const react = phrase({
  kind: kind('forged_react', 0.85, { user: 0.5, document: 0.75 }),
  across: true,
  literals: ['\nobservation:', '\nthought:', '\naction:', '\naction input:', '\nfinal answer:', 'observation:', 'thought:', 'action: '],
  pattern: /^\n?(?:thought:\s?[^\n]{2,160}\n{1,2}action:\s?[\w ./-]{2,50}(?:\n{1,2}action input:)?|action:\s?[\w ./-]{2,50}\n{1,2}action input:\s?[^\n]{0,120}|observation:\s?[^\n]{2,140}\n{1,2}(?:thought|action|final answer):)/i,
  weigh: (before, found) => (inCode(before) || /action input:|thought:/i.test(before) ? 0.5 : ACTS.test(found) ? undefined : 0.7),
})

const must = phrase({
  kind: kind('told_to_call', 0.8, { user: 0.3, document: 0.7, tool_definition: 0.6 }),
  literals: ['you must now call', 'you must call', 'now call the', 'immediately call', 'call the function', 'call the tool', 'invoke the', 'use the tool', 'execute the tool', 'execute the function', 'please call the', 'then call the', 'next, call', 'you should call the', 'proceed to call'],
  pattern: /^(?:you (?:must|should)(?: now)? call|(?:please |now |then |next, |immediately |proceed to )?(?:call|invoke|use|execute))(?: the)?(?: (?:tool|function))? ?[`"']?(?:\w{2,20}[_.]\w{2,30}|[\w-]{3,30}(?=[`"']? (?:tool|function)))[`"']?(?: (?:tool|function))?(?: with|\(| to |\.)/i,
  weigh: (before, found, after) => discussed(before, found, after) ?? (/must|immediately|now/i.test(found) && ACTS.test(found + after.slice(0, 60)) ? 0.88 : 0.6),
})

export const calls: readonly Matcher[] = [markup, roles, rpc, react, must]
