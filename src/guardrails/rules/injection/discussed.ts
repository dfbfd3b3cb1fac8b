import { fold } from '../../normalise/view.ts'

// Who writes about attacks names them, quotes them or negates them. Such a hit keeps a low score: it is recorded, and
// an enforced threshold passes it.
const NEGATED = /(?:\b(?:not|never|without|no|cannot|ne|nicht|nao|non|nie|inte|ikke|jangan|dung|geen)|n['’]t|\bn['’])\s*(?:[a-z]+\s+){0,2}$/i
const THIRD_PERSON = /(?<!\byou\s{1,3})\b(?:can|could|may|might|would|will|should|who|which|they|we|users?|students?|people|customers?|readers?|employees?|attackers?|hackers?|prompts?|inputs?|texts?)\s+(?:simply\s+|just\s+|then\s+|also\s+)?$/i
const ALLOWED_TO = /\byou\s+(?:can|may|could|might)\s+(?:safely\s+|simply\s+|just\s+|also\s+)?$/i
const CONDITION = /\b(?:if|when|whenever|unless)\s+(?:you|one|we|someone|anyone)\s+(?:ever\s+|also\s+|just\s+)?$/i
const MODEL_TO = /\b(?:attempts?|attempting|tries|try|trying|tried|how|models?|llms?|ais?|assistants?|chatbots?|bots?|agents?|it|them|him|her|says?|said|claude|chatgpt|gpt|gemini|tendency|designed|meant|used)\s+to\s+$/i
const NAMED = /(?:phrases?|such as|like|e\.g\.?|for example|examples?|say(?:s|ing)?|said|write|wrote|types?|typed|words?|strings?|attacks?|injections?|inject\w*|commands?|called|means?|meaning|contain\w*|includ\w+|detect\w*|block\w*|flag\w*|match\w*|variations? of|mention\w*|translate|instructions?:|comme|wie|como|z\.\s?b\.)[^"'`“”‘’«»「」\n]{0,24}["'`“‘«「]{1,3}$/i

const OPENS = /(?:\\?["'`“”‘’«»„‹「『]{1,3}|[«„]\s)$/
const CLOSES = /^[\s.…!?,。！？]{0,5}\\?["'`“”’«»›」』]/
// "Text like '…'", in other languages.
const LIKES = fold('como|comme|come|wie|zoals|som|jak|kuten|mint|gibi|kao|όπως|как|типа|наприклад|например|مثل|مانند|כמו|जैसे|যেমন|例如|比如|像|诸如|같은|例えば|เช่น|như|seperti|tulad').toLowerCase()
const LIKE = new RegExp(`(?:${LIKES})[^"'\`\\n]{0,16}["'\`“‘«„「『]{1,3}$`, 'i')
// A value in JSON stands in quotation marks too, and is said by nobody.
const VALUE = /(?:[:[,]\s{0,3}|^\s*)"$/

/** The score for a phrase that is named in quotation marks, or stands alone in them; else undefined. */
export function mentioned(before: string, after: string): number | undefined {
  if (!OPENS.test(before) || before.length < 3) return undefined
  if (NAMED.test(before) || LIKE.test(before)) return 0.6
  return CLOSES.test(after) && !VALUE.test(before) ? 0.75 : undefined
}

/** The score for an attack phrase in the light of what stands around it; 0 = not an attack; undefined = as it is. */
export function discussed(before: string, phrase: string, after = ''): number | undefined {
  if (NEGATED.test(before)) return 0
  if (NAMED.test(before)) return 0.6
  if (THIRD_PERSON.test(before) || MODEL_TO.test(before)) return 0.6
  if (CONDITION.test(before)) return 0.6
  if (ALLOWED_TO.test(before)) return 0.75
  // "Ignore my previous instructions" is a person correcting himself.
  if (/\bmy\b/i.test(phrase)) return 0.7
  return mentioned(before, after)
}
