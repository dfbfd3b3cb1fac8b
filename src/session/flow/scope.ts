import type { ToolClass } from '../../contract/tool_class.ts'
import { folded } from './fold.ts'
import type { Work } from './work.ts'

/**
 * Kinds of action and the words by which people ask for them. A lexicon is no understanding: it says whether the user
 * asked for anything of the kind at all, in the languages where a few stems do it. Words stand at the beginning of a
 * word; where letters are not spaced they stand anywhere.
 */
interface Kind {
  /** Words of names of tools. */
  readonly tool: ReadonlySet<string>
  readonly user: RegExp
}

const ASCII = /^[\x00-\x7f]*$/
const set = (words: string): ReadonlySet<string> => new Set(words.split(' '))

/** Stems at the beginning of a word, `=word` whole words, and signs of scripts without spaces anywhere. */
function asked(stems: string, anywhere = '', more: readonly string[] = []): RegExp {
  const words = withoutAccents(stems).split(/\s+/).filter((one) => one !== '')
  const begins = words.map((one) => (one.startsWith('=') ? `${one.slice(1)}(?![\\p{L}\\p{N}])` : one))
  return new RegExp([`(?<![\\p{L}\\p{N}])(?:${[...begins, ...more].join('|')})`, ...(anywhere === '' ? [] : [withoutAccents(anywhere)])].join('|'), 'u')
}

/** People leave accents out, and composed letters stay whole. */
export function withoutAccents(text: string): string {
  return ASCII.test(text) ? text : text.normalize('NFD').replace(/(?<=[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])\p{M}+/gu, '').normalize('NFC')
}

const KINDS = {
  send: {
    tool: set('send email mail reply respond forward message dm sms text notify dispatch transmit contact ping chat call fax'),
    user: asked(
      `send =sent =reply =replies =respond =response forward =write =drop =dm =text =message =notify =inform =remind =tell =contact =ping =answer =cc =bcc =email =mail =thank =congratulate =acknowledge =confirm =inform =relay =deliver =pass
       schick sende versend verschick antwort weiterleit leite schreib benachricht informier mitteil teile =sag =melde erinner
       envoy envoi repond repond réponds répond ecri écri transmet transmett prévenir =préviens averti =inform =dis =dites
       envia envía enviá =mandale mandar reenvi reenví respond contesta escrib avis =inform notific
       =invia invi rispond inoltr scriv avvis =manda =mande =informa
       envie enviar mande encaminh respond escrev avis
       stuur verstuur antwoord beantwoord schrijf meld doorstur
       wyslij wyślij odpowiedz odpisz napisz przeslij prześlij powiadom
       gönder gonder yanıtla yanitla ilet cevapla yaz
       отправ напиш ответь перешли сообщи уведом пошли
       gửi =trả nhắn chuyển skicka svara kirim balas`,
      '发送|发给|发到|发在|发邮件|回复|转发|通知|告诉|送って|送信|返信|転送|連絡|知らせ|보내|답장|전달|알려|भेज|أرسل|ارسل|رد على|שלח',
      ['let (?!me|us)\\p{L}+(?: \\p{L}+)? know', 'reach out', 'get back to', 'shoot (?!me)', 'e-?mail (?:it|them|him|her|this|that|the|my|all|everyone|\\p{L}+@)', 'by e-?mail', 'an? (?:e-?mail|message|note|reply|text) (?:to|for|back)'],
    ),
  },
  post: {
    tool: set('post publish tweet comment announce broadcast toot blog'),
    user: asked('=post =posts =posting =posted publish publie =publica =publique publicar announc tweet comment =share =write =send =tell =reply =respond poste veröffentlich kommentier annonc publica pubblica comenta commenta anuncia plaats reageer opublikuj skomentuj опубликуй напиши paylaş', '发布|发到|发在|评论|发表|投稿|公開|게시|댓글|نشر|انشر', ['let (?!me|us)\\p{L}+(?: \\p{L}+)? know', 'leave (?:a|an) ', 'drop (?:a|an) ']),
  },
  share: {
    tool: set('share invite add grant member participant collaborator attendee guest'),
    user: asked('share sharing invit =add adding grant onboard teile freigeb einlad lade hinzu füge partag ajout compart añad anad agreg condivid aggiung convid adicion deel nodig voeg udostępnij zaproś dodaj paylaş davet ekle поделись пригласи добавь chia', '分享|邀请|添加|共有|招待|追加|공유|초대|추가|شارك|ادع|أضف', ['(?:meet|meeting|event|appointment|call|lunch|dinner|coffee|session|sync)(?![\\p{L}\\p{N}])[^.!?\\n]{0,120} with ']),
  },
  pay: {
    tool: set('pay payment transfer wire remit donate refund transaction charge payout deposit withdraw tip invoice topup payroll'),
    user: asked('=pay =pays =paying payment =paid payment transfer wire refund donat settle remit reimburs =owe =owes =rent =bill =invoice =tip =send =standing =deposit =withdraw zahl bezahl überweis ueberweis spende erstatt begleich transfér vire virement paie payer =paye =payez rembours =paga =pagar =pague =pagare transfi transfer abona reembols pagh bonific =versa =verser =versez rimbors betaal overmaak maak zapłać zaplac przelej przelew =öde  havale заплати переведи оплати перевод bayar thanh', '付款|支付|转账|汇款|退款|支払|振込|送金|返金|결제|송금|이체|환불|भुगतान|ادفع|حول|שלם', ['top up']),
  },
  buy: {
    tool: set('buy purchase order checkout cart trade invest subscribe'),
    user: asked('buy =order purchas subscrib =checkout reorder restock =invest =sell =cart kauf bestell abonn achet =commande =commander =commandez =compra =comprar =compre =pedido =pedir =pide encarg compra =ordina =ordinare acquist koop bestel =kup zamów zamow satın satin sipariş siparis купи закажи =beli mua', '购买|下单|订购|买|注文|購入|買|구매|주문|खरीद|اشتر|اطلب', ['get (?:me|us) (?:\\p{N}+|an?|some|the|another|two|three) ']),
  },
  book: {
    tool: set('book reserve rent reservation booking ride'),
    user: asked('book =ride =order =call =reserve reserv =rent =hire =table =stay =seats =tickets buch reservier miet réserv reserv =loue =louer =louez alquil prenot affitt alug boek huur zarezerwuj wynajmij ayırt rezerv kirala заброн снять арендуй pesan =đặt ', '预订|预定|预约|予約|예약|बुक|احجز', ['get (?:me|us) (?:an? |some )?(?:taxi|cab|ride|table|room|seats?|tickets?|car)', 'call (?:me )?an? (?:taxi|cab)']),
  },
  create: {
    tool: set('create add new make insert schedule set register open start draft generate plan organize write save store put log record upsert import append attach'),
    user: asked(
      `creat =add adding =make =new =set =put =open =start draft generat schedul =plan =organize =organise organizz organisier =register =write =save =store =log record =note =enter =insert =file =raise =track =remind =arrange =append =attach =build =prepare =compile =turn =jot =block =pencil =import =document =copy
       erstell anleg lege trag =mach notier speicher =plan =termin schreib hinzu füg =crée =créer =créez cree ajout planif enregistr note ecri écri sauvegard =crea =crear =creare añad anad agreg agend =guarda guardar =guardalo =programa programar =anota =anotar escrib crei aggiung salva pianific scriv =cria =crie criar adicion salv =anota =anotar maak voeg =sla =plan schrijf utwórz utworz stwórz dodaj zapisz zaplanuj oluştur olustur ekle kaydet создай добавь запиши сохрани запланируй =tạo lưu`,
      '创建|新建|添加|安排|记录|保存|写|作成|追加|保存|登録|만들|추가|저장|일정|등록|बना|أنشئ|أضف|احفظ|צור',
    ),
  },
  update: {
    tool: set('update edit modify change rename move reschedule mark assign adjust label archive merge complete close replace increase decrease set patch append tag pin star flag approve accept decline reject enable disable toggle switch turn lock unlock commit sync copy link write save put overwrite resolve triage snooze confirm apply escalate silence acknowledge pause resume block unblock freeze unfreeze upgrade downgrade fork transition extend print play mute unmute restore rotate follow like click press type request'),
    user: asked(
      `updat edit modif chang renam =move moving reschedul =mark =assign adjust label archiv merg complet =close replac increas decreas =raise lower =set =fix correct =tag =pin =flag approv accept declin reject enabl disabl =turn =switch =lock unlock postpon =push =shift =sort tidy =clean extend shorten =copy =rewrite revis =add =append =bump =refresh =resolve =triage =snooze =adapt =confirm =apply =escalate =silence =acknowledge =pause =resume =block =unblock =freeze =unfreeze =upgrade =downgrade =fork =transition =print =play =mute =unmute =restore =rotate =follow =click =press
       =log =record =put =write =note =save =enter =change =store
       änder aender aktualisier verschieb umbenenn bearbeit erhöh markier schließ schliess setz korrigier ersetz chang modifi =met =mettre mets déplac deplac renomm cambi actualiz muev mover edit renombr corrig modific aggiorn spost rinomin atualiz =muda =mude mudar =mova =mover wijzig verander verplaats hernoem zmień zmien zaktualizuj przenieś güncelle guncelle değiştir degistir taşı измени обнови перенеси переименуй исправь =sửa =đổi =cập`,
      '更新|修改|更改|移动|重命名|変更|更新|移動|修正|수정|변경|업데이트|이동|बदल|अपडेट|حدث|غير|عدل|עדכן|שנה',
    ),
  },
  delete: {
    tool: set('delete remove drop erase purge clear cancel unsubscribe wipe destroy terminate uninstall trash kill truncate shred unpublish rm leave kick ban'),
    user: asked('delet remov =drop eras purg =clear =clears =clearing cancel unsubscrib wip destroy terminat uninstall trash =kill =discard =rid =clean cleanup =kick =ban =prune =empty lösch loesch entfern stornier kündig absag supprim effac annul =retire =retirer =retira enlèv enlev borr elimin cancel =quita =quitar cancell rimuov exclu apag remov verwijder wis annuleer usuń usun skasuj anuluj =sil =silin iptal kaldır удали отмени сотри hapus xóa xoa hủy', '删除|取消|移除|清除|削除|取り消|キャンセル|삭제|취소|제거|हटा|रद्द|احذف|ألغ|מחק|בטל'),
  },
  run: {
    tool: set('run exec execute eval deploy restart reboot build install test start stop rollback scale migrate launch trigger shell bash terminal command'),
    user: asked('=run running execut deploy restart reboot build install =test =tests =start =stop rollback =roll =scale migrat launch trigger =compile =lint ausführ ausfuehr starte installier teste exécut execut lanc lanza ejecut instal esegui avvia uruchom çalıştır запусти выполни установи chạy', '运行|执行|部署|安装|実行|デプロイ|起動|실행|배포|설치|चला|شغل|نفذ|הרץ'),
  },
  upload: {
    tool: set('upload export push submit sync backup publish'),
    user: asked('upload export =push submit =sync =backup hochlad lade exportier einreich télévers televers envoy export =sube =subir =carga =cargar =carica =caricare invia upload wyślij yükle загрузи выгрузи', '上传|导出|提交|アップロード|提出|업로드|제출|ارفع'),
  },
} as const satisfies Record<string, Kind>

type KindName = keyof typeof KINDS
const names = Object.keys(KINDS) as KindName[]

/** What a class is about at the least, where the name of its tool says nothing better. */
const OF_CLASS: Readonly<Record<ToolClass, readonly KindName[]>> = {
  read: [],
  internal_write: ['create', 'update', 'share'],
  external_send: ['send', 'post', 'share', 'upload', 'book'],
  money: ['pay', 'buy', 'book'],
  destructive: ['delete'],
  privilege: ['update', 'share', 'create'],
  code_execution: ['run'],
}

interface Thing {
  readonly tool: ReadonlySet<string>
  readonly user: RegExp
}

/** Things that tools act on, and what people call them; a tool of another thing is another task. */
const THINGS: readonly Thing[] = [
  { tool: set('hotel hotels accommodation lodging room'), user: asked('hotel =stay accommodat lodging =room =rooms hostel =inn =suite =airbnb =night =nights unterkunft zimmer pension hébergement alojamiento habitaci albergo alloggio отель гостиниц', '酒店|旅馆|ホテル|宿|호텔|숙소') },
  { tool: set('restaurant restaurants table'), user: asked('restaurant =table dinner lunch brunch breakfast =eat =dine dining =meal cena comida almuerzo ristorante tisch abendessen mittagessen essen déjeuner diner dîner ресторан столик ужин', '餐厅|餐|レストラン|食事|식당|저녁|점심') },
  { tool: set('flight flights airline'), user: asked('flight fly =plane airline flug flieg vol =avion vuel voo volo рейс самолет', '航班|机票|飛行機|フライト|항공|비행') },
  { tool: set('car cars vehicle taxi ride'), user: asked('=car =cars vehicle =ride =taxi =cab =drive =suv =van rental auto mietwagen voiture coche carro macchina машин такси', '车|レンタカー|車|차|택시') },
  { tool: set('train rail'), user: asked('train rail zug bahn tren treno trem поезд', '火车|列车|電車|新幹線|기차') },
  { tool: set('calendar event events appointment meeting'), user: asked('calendar event appointment meeting =meet =lunch =dinner =breakfast =brunch =coffee =call =session =sync =slot =catch =standup invit schedul =book =hour =minutes =trip =vacation =workout =reminder =remind kalender termin besprech treffen agenda calendrier réunion reunion rendez reunión reunion cita evento calendario riunione appuntamento reunião compromisso afspraak vergadering spotkanie kalendarz toplantı takvim встреч календар событи cuộc', '日历|会议|日程|预约|予定|会議|カレンダー|일정|회의|약속|اجتماع|تقويم') },
]

/** The task as its user put it: which kinds of action, and which things. */
export interface Scope {
  readonly texts: readonly string[]
  readonly kinds: ReadonlySet<KindName>
  /** Indexes of THINGS. */
  readonly things: ReadonlySet<number>
}

export const NO_SCOPE: Scope = { texts: [], kinds: new Set(), things: new Set() }

const MOST_TEXT = 65_536

/** The task with more words of its user: it only grows, and costs what the words cost. */
export function* widened(scope: Scope, text: string): Work<Scope> {
  const plain = withoutAccents(folded(text.slice(0, MOST_TEXT)))
  const wanted = requested(plain)
  const kinds = new Set(scope.kinds)
  for (const name of names) {
    if (kinds.has(name)) continue
    if (KINDS[name].user.test(wanted)) kinds.add(name)
    yield
  }
  const things = new Set(scope.things)
  for (const [index, thing] of THINGS.entries()) if (!things.has(index) && thing.user.test(plain)) things.add(index)
  return { texts: [...scope.texts, plain], kinds, things }
}

const QUESTION = /^[\s"'“¿-]*(?:(?:so|and|ok|okay|hey|hi|hello|please)[, ]+)?(?:what|why|which|who|whom|whose|when|where|how|did|does|do|is|are|was|were|has|have|had|warum|wieso|was|welche[rsnm]?|wer|wie|wann|wo|hat|haben|ist|sind|pourquoi|quel(?:le)?s?|combien|qui|quand|que|por que|cual(?:es)?|cuanto|quien|cuando|donde|perche|quale|quanto|chi|dove|почему|какои|какая|какие|сколько|кто|когда|где|что)(?![\p{L}\p{N}])/u
const NEXT_CLAUSE = /[,;:]|(?<![\p{L}\p{N}])(?:and|then|und|dann|et|puis|y|luego|e|poi|и)(?![\p{L}\p{N}])/u

/** What of a text asks for something to be done: who asks why a thing was deleted does not want it deleted. */
function requested(plain: string): string {
  return plain
    .split(/(?<=[.!?。！？\n])/u)
    .map((sentence) => {
      if (!/\?\s*$/.test(sentence) || !QUESTION.test(sentence)) return sentence
      const next = NEXT_CLAUSE.exec(sentence)
      return next === null ? '' : sentence.slice(next.index)
    })
    .join('\n')
}

/** Words of a tool's name that say nothing about what it does. */
const FILLERS = set('to the a an of for in on with by from my user api v1 v2 tool mcp server my all one direct single')

/**
 * Whether a tool of these words does something of a kind that the user asked for. Undefined = it does; else what it does
 * that nobody asked for, for the reason.
 */
export function beyond(scope: Scope, words: readonly string[], kind: ToolClass): string | undefined {
  const telling = words.filter((word) => !FILLERS.has(word))
  const mine = new Set<KindName>(OF_CLASS[kind])
  const byName = names.filter((name) => telling.some((word) => KINDS[name].tool.has(word)))
  // Of what the name says, what fits the class; a class that the name does not show is asked for by its own words.
  const fitting = kind === 'money' ? [] : byName.filter((name) => mine.has(name))
  const wanted = fitting.length > 0 ? fitting : kind === 'internal_write' && byName.length > 0 ? byName : OF_CLASS[kind]
  const known = byName.length > 0
  const meant = wanted.some((name) => scope.kinds.has(name)) || (!known && kind === 'internal_write' && telling.some((word) => word.length > 3 && mentions(scope, word)))
  if (!meant) return `asks for no ${wanted.join(', ') || 'such action'}`
  for (const [index, thing] of THINGS.entries()) {
    if (telling.some((word) => thing.tool.has(word)) && !scope.things.has(index)) return `speaks of no ${telling.filter((word) => thing.tool.has(word)).join(' ')}`
  }
  return undefined
}

/** Verbs of tools that name a thing behind another verb. */
const NOUNS = set('email mail message comment post tweet reply order transaction invoice payment transfer reservation booking event meeting participant member label tag note log record call text chat')
/** What people call the things of tools. */
const ALIKE = ['email mail newsletter inbox thread mailbox draft', 'message chat dm channel thread', 'file document doc spreadsheet sheet folder directory attachment report', 'ticket issue bug task card story', 'event meeting appointment calendar', 'transaction payment transfer money', 'order purchase cart', 'page wiki article', 'repository repo branch', 'contact person address', 'note memo reminder'].map((group) => group.split(' '))
const VERBS = new Set(names.flatMap((name) => [...KINDS[name].tool]))
/** Words that only English has so many of. */
const ENGLISH = /(?<![\p{L}\p{N}])(?:the|my|to|and|of|is|for|with|that|it|in)(?![\p{L}\p{N}])/u
const SHORT_VALUE = 80

/**
 * Whether anything of a call is what the user spoke of: the thing that the tool's name names, the name of an argument,
 * or a word of a short value. Verbs alone tie a call to no task. English only: names of tools are.
 */
export function anchored(scope: Scope, words: readonly string[], args: readonly { readonly path: string; readonly text: string }[]): boolean {
  if (!scope.texts.some((text) => ENGLISH.test(text))) return true
  const verb = words.find((word) => VERBS.has(word))
  const objects = words.filter((word) => word.length > 2 && !FILLERS.has(word) && (!VERBS.has(word) || (word !== verb && NOUNS.has(word))))
  const alike = ALIKE.filter((group) => objects.some((word) => group.includes(word))).flat()
  if ([...objects, ...alike].some((word) => mentions(scope, word)) || THINGS.some((thing, index) => scope.things.has(index) && words.some((word) => thing.tool.has(word)))) return true
  return args.some(({ path, text }) => wordsIn(path).some((word) => mentions(scope, word)) || (text.length <= SHORT_VALUE && wordsIn(text).some((word) => mentions(scope, word))))
}

function wordsIn(text: string): readonly string[] {
  return (withoutAccents(folded(text)).match(/\p{L}{4,}|\p{N}{2,}|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]{2,}/gu) ?? []).filter((word) => !COMMON.has(word))
}

const COMMON = set('this that with from have been will your name text body type value content please true false none null note message subject title hello thanks thank dear best regards kind')

function mentions({ texts }: Scope, word: string): boolean {
  const stem = word.length > 5 ? word.slice(0, -1) : word
  return texts.some((text) => {
    for (let at = text.indexOf(stem); at >= 0; at = text.indexOf(stem, at + 1)) if (at === 0 || !/[\p{L}\p{N}]/u.test(text.charAt(at - 1)) || /\p{Script=Han}/u.test(stem)) return true
    return false
  })
}
