import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'
import { discussed } from './discussed.ts'

const OVERRIDE: Kind = { guardrail: 'prompt_injection', rule: 'override_earlier', category: 'instruction_override', score: 0.96 }
const OVERRIDE_OWN: Kind = { guardrail: 'prompt_injection', rule: 'override_own_rules', category: 'instruction_override', score: 0.93 }
const FORGET: Kind = { guardrail: 'prompt_injection', rule: 'forget_everything', category: 'instruction_override', score: 0.93 }
const INSTEAD: Kind = { guardrail: 'prompt_injection', rule: 'ignore_above_instead', category: 'instruction_override', score: 0.94 }
const NEW: Kind = { guardrail: 'prompt_injection', rule: 'new_instructions', category: 'instruction_override', score: 0.85 }

// Every Latin-script language in one pattern, without accents (the view has none), so that mixed ones match too.
const VERB = [
  'ignor(?:e|ed|es|ing|a|ad|ar|ate|ati|ez|er|era|ieren?|ieren sie|iert|uj|ujte|ujcie|ere)?', 'zignoruj(?:cie)?',
  'disregard(?:ing)?', 'forget(?:ting)?', 'override', 'overrid(?:ing)?', 'overrule', 'neglect', 'bypass', 'discard',
  'abandon', 'pay no attention to', 'do not follow', 'don[\'’]t follow', 'dont follow', 'stop following', 'set aside', 'do not obey', 'stop obeying',
  'olvida(?:te|d|r)?(?: de)?', 'olvide(?:n)?', 'descart[ae](?:d|r|n)?', 'desestim[ae]', 'omit[ae]', 'no hagas caso (?:de|a)', 'haz caso omiso de', 'no sigas',
  'oublie[rz]?', 'neglige[rz]?', 'ne tiens pas compte', 'ne tenez pas compte', 'fais abstraction', 'faites abstraction', 'ne suis pas',
  'vergiss', 'vergessen sie', 'missachte[nt]?', 'uberschreibe[nt]?', 'befolge nicht', 'lass', 'dimentica(?:te|ti)?', 'trascura(?:te)?', 'tralascia', 'scarta',
  'esqueca[m]?', 'esquece', 'desconsider[ae]', 'desconsiderar', 'negeer', 'vergeet', 'ignorera', 'glom', 'bortse fran', 'glem', 'se bort fra',
  'unohda', 'sivuuta', 'jata huomiotta', 'zapomnij(?:cie)?(?: o)?', 'pomin', 'zapomen(?:te)?(?: na)?', 'zabudni(?:te)?(?: na)?', 'uita(?:ti)?(?: de)?',
  'bo qua', 'hay quen', 'quen di', 'quen het', 'phot lo', 'khong tuan theo', 'abaikan(?:lah)?', 'lupakan(?:lah)?', 'balewalain', 'kalimutan', 'puuza', 'sahau',
  'hagyd figyelmen kivul', 'felejtsd el', 'preskoci', 'zanemari', 'shperfill',
].join('|')
const EARLIER = [
  'previous(?:ly)?', 'prior', 'above', 'earlier', 'preceding', 'foregoing', 'former', 'original', 'initial', 'past', 'old', 'aforementioned', 'beforehand', 'before',
  'anteriore?s?', 'previ[ao]s', 'precedentes?', 'de arriba', 'originales', 'iniciales', 'recibidas', 'dadas',
  'precedent(?:e|es|s|i|a|ele)?', 'anterieur(?:e|es|s)?', 'ci-dessus', 'initiales', 'recues', 'donnees',
  'vorherig\\w{1,3}', 'bisherig\\w{1,3}', 'vorangegangen\\w{1,3}', 'vorangehend\\w{1,3}', 'obig\\w{1,3}', 'fruher\\w{1,3}', 'vorig\\w{1,3}', 'ursprunglich\\w{1,3}', 'oben',
  'sopra', 'iniziali', 'originali', 'ricevute', 'acima', 'originais', 'iniciais', 'vorige', 'eerdere', 'bovenstaande', 'voorgaande', 'oorspronkelijke',
  'tidigare', 'foregaende', 'ovanstaende', 'tidligere', 'forrige', 'ovenstaende', 'ovenfor', 'aiemmat', 'aikaisemmat', 'edelliset', 'edelliset', 'ylla olevat',
  'poprzedni\\w{1,3}', 'wczesniejsz\\w{1,3}', 'powyzsz\\w{1,3}', 'predchozi\\w{0,3}', 'predosl\\w{1,3}', 'predchadzajuc\\w{1,3}', 'drivejsi', 'vyse', 'prethodn\\w{1,3}', 'anterioare', 'de mai sus',
  'truoc(?: do| day)?', '(?:o |phia |ben )?tren', 'sebelumnya', 'di atas', 'terdahulu', 'nakaraan\\w{0,3}', 'naunang', 'ya awali', 'yaliyotangulia', 'zilizopita', 'elozo', 'korabbi', 'fenti', 'meparshme',
].join('|')
const ORDERS = [
  'instructions?', 'prompts?', 'directions?', 'directives?', 'guidelines?', 'guidance', 'rules?', 'commands?', 'programming', 'constraints?', 'restrictions?', 'orders?', 'polic(?:y|ies)', 'safeguards?', 'guardrails?', 'system message',
  'instruccion(?:es)?', 'indicaciones', 'ordenes', 'reglas', 'directrices', 'normas', 'consignes?', 'regles', 'ordres',
  'anweisung(?:en)?', 'instruktion(?:en)?', 'befehle?', 'regeln', 'vorgaben', 'richtlinien', 'aufforderung(?:en)?',
  'istruzion[ei]', 'indicazioni', 'ordini', 'regole', 'direttive', 'comandi', 'instruc(?:oes|ao)', 'orientacoes', 'ordens', 'regras', 'comandos', 'diretrizes',
  'instructies?', 'opdracht(?:en)?', 'aanwijzingen', 'regels', 'richtlijnen', 'instruktioner(?:na)?', 'anvisningar(?:na)?', 'regler(?:na)?', 'instruksjoner', 'anvisninger', 'ohjeet', 'ohjeita', 'ohjeistus', 'kaskyt', 'saannot',
  'instrukcj\\w{1,3}', 'polece(?:n|nia|niach)', 'zasad\\w{0,3}', 'wytyczn\\w{1,3}', 'instrukc\\w{1,3}', 'pokyn\\w{0,3}', 'prikaz\\w{0,3}', 'pravidl\\w{0,3}', 'uput\\w{1,3}', 'instructiunil?\\w{0,3}', 'regulil?\\w{0,3}', 'comenzil?\\w{0,3}',
  'huong dan', 'chi dan', 'chi thi', 'cau lenh', 'menh lenh', 'lenh', 'quy tac', 'yeu cau', 'instruksi', 'perintah', 'petunjuk', 'arahan', 'aturan', 'tagubilin', 'utos', 'maagizo', 'maelekezo', 'utasitas\\w{0,5}', 'szabaly\\w{0,5}', 'udhezimet',
].join('|')
const WORD = '(?!and\\b|then\\b|but\\b|or\\b|und\\b|et\\b|ou\\b)[\\w\'’"*-]{1,24}[\\s,*_-]{1,4}'
const BETWEEN = '[\\s,*_:"-]{1,6}'

const LITERALS = [
  'ignor', 'zignoruj', 'disregard', 'forget', 'overrid', 'overrule', 'neglect', 'bypass', 'discard', 'abandon', 'pay no attention', 'do not follow', 'don\'t follow', 'don’t follow', 'dont follow', 'stop following', 'set aside', 'do not obey', 'stop obeying',
  'olvid', 'descart', 'desestim', 'omite', 'omita', 'no hagas caso', 'haz caso omiso', 'no sigas', 'oubli', 'neglige', 'ne tiens pas', 'ne tenez pas', 'fais abstraction', 'faites abstraction', 'ne suis pas',
  'vergiss', 'vergessen sie', 'missacht', 'uberschreib', 'befolge nicht', 'dimentica', 'trascura', 'tralascia', 'scarta', 'esquec', 'desconsider', 'negeer', 'vergeet', 'glom', 'bortse', 'glem', 'se bort fra',
  'unohda', 'sivuuta', 'jata huomiotta', 'zapomnij', 'pomin', 'zapomen', 'zabudni', 'uita', 'bo qua', 'hay quen', 'quen di', 'quen het', 'phot lo', 'khong tuan theo', 'abaikan', 'lupakan', 'balewalain', 'kalimutan', 'puuza', 'sahau',
  'hagyd figyelmen', 'felejtsd el', 'preskoci', 'zanemari', 'shperfill',
]

const earlier = phrase({
  kind: OVERRIDE,
  literals: LITERALS,
  pattern: new RegExp(`^(?:${VERB})${BETWEEN}(?:${WORD}){0,4}?(?:(?:${EARLIER})${BETWEEN}(?:${WORD}){0,3}?(?:${ORDERS})|(?:${ORDERS})${BETWEEN}(?:${WORD}){0,4}?(?:${EARLIER}))(?!\\w)`, 'i'),
  weigh: discussed,
})

// "All" and "your" say less than "previous": what is overridden must be the model's own.
const OWN = 'instructions?|prompts?|directives?|programming|guidelines|guardrails|safeguards|safety (?:rules|guidelines|protocols|filters|measures)|content (?:policy|policies|filters)|ethical guidelines|restrictions|training'
const own = phrase({
  kind: OVERRIDE_OWN,
  literals: ['ignor', 'disregard', 'forget', 'overrid', 'bypass', 'discard', 'abandon', 'do not follow', 'stop following', 'disable', 'turn off', 'circumvent', 'deactivate', 'break free'],
  pattern: new RegExp(`^(?:ignore|disregard|forget|override|bypass|discard|abandon|do not follow|stop following|disable|turn off|circumvent|deactivate|break free (?:of|from))\\s{1,3}(?:(?:all|any|every|of|the|these|those|about)\\s{1,3}){0,3}(?:your\\s{1,3}(?:\\w{2,16}\\s{1,3}){0,2}?(?:${OWN}|rules|system prompt)|(?:system|developer)\\s{1,3}(?:${OWN}|rules|prompt)|(?<=(?:all|any|every)\\s{1,3}(?:of\\s{1,3})?(?:the\\s{1,3}|these\\s{1,3})?)(?:system\\s{1,3})?(?:instructions|directives|programming|safeguards|safety guidelines|content policies))(?!\\w)`, 'i'),
  weigh: discussed,
})

const everything = phrase({
  kind: FORGET,
  literals: ['forget', 'disregard', 'ignore', 'olvida', 'oubli', 'vergiss', 'esquec', 'dimentica', 'erase', 'clear'],
  pattern: /^(?:(?:forget|disregard|ignore) (?:about )?(?:everything|anything|all)(?: of)?(?: that| which| the (?:things|text|content)| text| content)?,? (?:(?:you (?:were|have been|had been|are)|you've been) (?:told|taught|instructed|given|trained)\b|(?:(?:was|is|comes?|came|stated|written|said|mentioned) )?(?:above|before this|prior to this|up to (?:now|this point|here))\b)|(?:erase|clear) (?:all )?your (?:memory|instructions|context)\b|olvida todo lo (?:anterior|que te (?:han dicho|dijeron))|oublie[rz]? tout ce qui (?:precede|t'a ete dit|vous a ete dit)|vergiss alles (?:bisherige|vorherige|was (?:dir|oben|davor|vorher))|esque[cs]a tudo (?:o que (?:veio|foi)|acima|que eu disse antes)|dimentica tutto (?:quello|cio) che (?:ti|precede))/i,
  weigh: discussed,
})

const instead = phrase({
  kind: INSTEAD,
  literals: ['ignore', 'disregard', 'forget'],
  pattern: /^(?:ignore|disregard|forget)(?: all| everything| about)?(?: of)?(?: that| the)? (?:above|previous|prior|preceding)(?: (?:text|content|task|message|input|document|section)s?)?(?:[.,;:!\s]{1,4}(?:and|then|now|instead|please|just)){1,3},?\s(?:please |just |simply |only )?(?:say|tell|output|print|translate|write|respond|reply|answer|give|reveal|repeat|show|do the following|execute|run|send|act|pretend|become)\b/i,
  weigh: discussed,
})

const fresh = phrase({
  kind: NEW,
  literals: ['your new', 'new instruction', 'new system', 'your real', 'your true', 'your actual', 'updated instruction', 'real instruction'],
  pattern: /^(?:your (?:new|real|true|actual) (?:instructions?|task|objective|goal|mission|directive|orders?|prime directive|system prompt) (?:is|are|will be|now)\b|(?:new|updated|real)(?: system| developer)? (?:instructions?|directives?|prompt)(?: from (?:the )?(?:admin\w*|system|developers?|openai|anthropic|google))?\s?:)/i,
  weigh: (before, found) => discussed(before, found) ?? (/system|developer|openai|anthropic|google|admin|directive|system prompt/i.test(found) ? 0.92 : undefined),
})

export const overrides: readonly Matcher[] = [earlier, own, everything, instead, fresh]
