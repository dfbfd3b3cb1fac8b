import { fold } from '../../normalise/view.ts'
import type { Kind, Matcher } from '../matcher.ts'
import { phrase } from '../phrase.ts'

const OVERRIDE: Kind = { guardrail: 'prompt_injection', rule: 'override_earlier', category: 'instruction_override', score: 0.95 }
const EXTRACT: Kind = { guardrail: 'prompt_injection', rule: 'extract_system_prompt', category: 'prompt_extraction', score: 0.92 }

interface Language {
  /** Where the phrase begins: the verb, or what is to be ignored where the verb comes last. */
  readonly begins: readonly string[]
  /** What must follow, in order; alternatives of one place are separated by `|`. */
  readonly then: readonly (readonly string[])[]
  readonly kind?: Kind
}

const GAP = '[^.!?。！？؟।\\n]{0,18}?'

// Written as people write them; `fold` takes accents and vowel signs off as it does with the text.
const languages: readonly Language[] = [
  // Chinese
  { begins: ['忽略', '无视', '無視', '忘记', '忘記', '忘掉', '不要理会', '不用理会', '不要遵守', '不要遵循', '抛开', '抛弃', '绕过'], then: [['之前', '以前', '先前', '前面', '上面', '以上', '上述', '所有', '一切', '原来', '原先', '系统', '你的', '全部', '此前'], ['指令', '指示', '提示词', '提示', '命令', '规则', '規則', '规定', '设定', '設定', '约束', '限制']] },
  { begins: ['忽略', '无视', '無視', '忘记', '忘記'], then: [['以上', '上述', '之前', '前面'], ['所有内容', '全部内容', '所有對話', '所有对话', '一切内容']] },
  { begins: ['输出', '显示', '告诉我', '泄露', '重复', '打印', '说出', '展示', '透露', '复述'], then: [['你的', '你'], ['系统提示', '初始指令', '系统指令', '初始提示', '隐藏指令', '提示词']], kind: EXTRACT },
  // Japanese
  { begins: ['以前の', '前の', '上記', 'これまで', '今まで', '先の', '元の', 'すべての', '全ての', '最初の', '先ほどの', 'あなたの'], then: [['指示', '命令', 'プロンプト', 'ルール', '指令', '制約', 'インストラクション'], ['無視', '忘れ', '破棄', '無効', '従わな', '従わず']] },
  { begins: ['システムプロンプト', '初期プロンプト', '最初の指示'], then: [['表示し', '教え', '出力し', '開示', '見せ', '公開', '繰り返']], kind: EXTRACT },
  // Korean
  { begins: ['이전', '앞선', '앞의', '위의', '지금까지', '모든', '기존', '당신의'], then: [['지시', '명령', '지침', '프롬프트', '규칙'], ['무시', '잊어', '잊고', '따르지 마', '따르지 말']] },
  { begins: ['시스템 프롬프트', '시스템프롬프트', '초기 지시'], then: [['보여', '알려', '출력', '공개', '말해', '반복']], kind: EXTRACT },
  // Russian, Bulgarian, Ukrainian, Serbian
  { begins: ['игнорируй', 'проигнорируй', 'игнорировать', 'забудь', 'забыть', 'не обращай внимания', 'отбрось', 'пренебреги', 'не следуй', 'игнорирай', 'забрави', 'пренебрегни', 'ігноруй', 'проігноруй', 'игнориши', 'занемари'], then: [['предыдущ', 'прежн', 'прошл', 'вышеуказан', 'вышеизложен', 'выше', 'ранее', 'все', 'всё', 'свои', 'твои', 'исходн', 'предишн', 'попередн', 'всі', 'усі', 'вищезазначен', 'претходн', 'системн'], ['инструкци', 'указани', 'команд', 'правил', 'директив', 'промпт', 'інструкці', 'вказівк', 'упутств', 'ограничени']] },
  { begins: ['покажи', 'выведи', 'раскрой', 'повтори', 'напечатай', 'скажи', 'расскажи'], then: [['свой', 'твой', 'свои', 'твои', 'ваш'], ['системный промпт', 'системн', 'скрытые инструкции', 'исходный промпт']], kind: EXTRACT },
  // Arabic, Persian, Urdu, Hebrew
  { begins: ['تجاهل', 'انس ', 'انسى', 'اهمل', 'تغاضى', 'لا تتبع'], then: [['التعليمات', 'الأوامر', 'القواعد', 'الإرشادات', 'التوجيهات', 'تعليماتك'], ['السابقة', 'أعلاه', 'المذكورة', 'الأصلية', 'المسبقة']] },
  { begins: ['اكشف', 'اعرض', 'أظهر', 'اطبع'], then: [['موجه النظام', 'تعليمات النظام', 'تعليماتك الأصلية', 'تعليماتك السرية']], kind: EXTRACT },
  { begins: ['دستورالعمل', 'دستورات', 'دستور', 'قوانین', 'راهنمایی'], then: [['قبلی', 'بالا', 'پیشین', 'سابق'], ['نادیده', 'فراموش', 'توجه نکن', 'رعایت نکن']] },
  { begins: ['پچھلی', 'سابقہ', 'پچھلے', 'اوپر'], then: [['ہدایات', 'احکامات', 'ہدایت'], ['نظر انداز', 'بھول']] },
  { begins: ['התעלם', 'התעלמי', 'התעלמו', 'שכח', 'תתעלם'], then: [['הוראות', 'ההוראות', 'ההנחיות', 'הנחיות', 'הפקודות', 'הכללים'], ['הקודמות', 'הקודמים', 'שלעיל', 'לעיל', 'הקודם', 'שקיבלת']] },
  // Hindi, Bengali, Tamil
  { begins: ['पिछले', 'पिछली', 'पूर्व', 'ऊपर', 'सभी', 'पहले'], then: [['निर्देश', 'आदेश', 'नियम', 'इंस्ट्रक्शन'], ['अनदेखा', 'अनदेखी', 'नज़रअंदाज़', 'भूल', 'नजरअंदाज', 'उपेक्षा']] },
  { begins: ['পূর্ববর্তী', 'আগের', 'উপরের', 'সমস্ত'], then: [['নির্দেশ', 'আদেশ'], ['উপেক্ষা', 'ভুলে', 'অগ্রাহ্য']] },
  { begins: ['முந்தைய', 'மேலே'], then: [['வழிமுறை', 'அறிவுறுத்த', 'கட்டளை'], ['புறக்கணி', 'மற']] },
  // Thai
  { begins: ['ละเว้น', 'เพิกเฉย', 'ไม่ต้องสนใจ', 'ลืม', 'มองข้าม', 'อย่าทำตาม'], then: [['คำสั่ง', 'คำแนะนำ', 'กฎ', 'พรอมต์'], ['ก่อนหน้า', 'ข้างต้น', 'ทั้งหมด', 'เดิม']] },
  // Greek
  { begins: ['αγνόησε', 'αγνοήστε', 'αγνοείς', 'ξέχνα', 'ξεχάστε', 'παράβλεψε'], then: [['προηγούμεν', 'παραπάνω', 'όλες', 'αρχικ', 'πρότερ'], ['οδηγί', 'εντολ', 'κανόν', 'υποδείξ']] },
  // Turkish (the verb comes last)
  { begins: ['önceki', 'yukarıdaki', 'daha önceki', 'tüm önceki', 'bundan önceki'], then: [['talimat', 'yönerge', 'komut', 'kural'], ['yok say', 'görmezden gel', 'unut', 'dikkate alma', 'göz ardı et', 'yoksay']] },
]

function places(words: readonly string[]): string {
  return words.map((word) => fold(word).toLowerCase()).join('|')
}

/** Overrides and extractions in scripts other than Latin, and languages whose verb comes last. */
export const world: readonly Matcher[] = languages.map((language) =>
  phrase({
    kind: language.kind ?? OVERRIDE,
    literals: language.begins.map((word) => fold(word).toLowerCase()),
    anywhere: true,
    pattern: new RegExp(`^(?:${places(language.begins)})${language.then.map((words) => `${GAP}(?:${places(words)})`).join('')}`, 'i'),
    weigh: (before) => (/(?:\bне|别|不要|请勿|勿|لا|μη|δεν|אל)\s?$/.test(before) ? 0 : /["'`“‘«「『]$/.test(before) ? 0.7 : undefined),
  }),
)
