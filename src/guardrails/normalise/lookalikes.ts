/**
 * Letters of other alphabets that readers take for a Latin one, after the confusables of UTS #39. Small letters stand
 * for their capitals too. Patterns are folded by the same table, so a Russian pattern still meets Russian text.
 */
export const LOOKALIKES: readonly (readonly [latin: string, others: string])[] = [
  ['a', 'аαɑᴀⱥ⍺'], ['b', 'вβʙƄᏼꓐƀ'], ['c', 'сᴄϲⅽȼꓚ'], ['d', 'ԁᴅđɗɖⅾꓓ'], ['e', 'еεᴇҽєɛℯɇꬲꓰ'], ['f', 'ꜰꞙẝƒꬵꓝ'], ['g', 'ɡɢցᶃǥɠꓖԍ'], ['h', 'һнհʜħɦꓧ'],
  ['i', 'іιıɩɪɨꙇꓲ'], ['j', 'јϳᴊɉʝꓙ'], ['k', 'кκᴋƙꓗ'], ['l', 'ӏʟłƚɫⅼ∣ꓡ'], ['m', 'мᴍⅿɱꓟ'], ['n', 'ηոռɴɲŋꓠ'], ['o', 'оοօᴏøσᴑɵөꓳ'], ['p', 'рρᴘƥꓑ'], ['q', 'ԛզգǫɋ'],
  ['r', 'ʀɍᴦꭇꓣ'], ['s', 'ѕꜱʂꓢ'], ['t', 'тτᴛŧƭꓔ'], ['u', 'υսᴜʋʉꭎꓴ'], ['v', 'ѵνᴠʋꓦ'], ['w', 'ԝᴡѡɯꓪ'], ['x', 'хχ᙮ꓫ'], ['y', 'уүʏγƴɏꓬ'], ['z', 'ζᴢƶʐȥꓜ'], ['ss', 'ß'],
  // Greek and Cherokee letters whose capitals look like another Latin letter than they do themselves.
  ['m', 'μ'], ['h', 'ⲏ'], ['A', 'ᎪꓮⲀ'], ['B', 'ᏴⲂΒ'], ['C', 'ᏟⲤ'], ['D', 'Ꭰ'], ['E', 'ᎬⲈΕ'], ['G', 'Ꮐ'], ['H', 'ᎻΗⲎ'], ['I', 'ΙⲒ'], ['J', 'Ꭻ'], ['K', 'ᏦⲔ'], ['L', 'ᏞⳐ'], ['M', 'ᎷΜⲘ'], ['N', 'ΝⲚ'],
  ['O', 'ΟⲞ'], ['P', 'ᏢΡⲢ'], ['R', 'ᎡᏒ'], ['S', 'ᏚᏕ'], ['T', 'ᎢΤⲦ'], ['V', 'Ꮩ'], ['W', 'ᎳᏔ'], ['X', 'ΧⲬ'], ['Y', 'ΥⲨ'], ['Z', 'ᏃΖⲌ'], ['S', 'ՏЅ'], ['U', 'Ս'], ['O', 'Օ'], ['L', 'Լ'], ['T', 'Շ'],
]

/** Where alphabets of boxed and circled capitals and regional indicators begin. */
export const STYLED: readonly number[] = [0x1f130, 0x1f150, 0x1f170, 0x1f1e6]
export const STYLED_FROM = 0x1f130
export const STYLED_TO = 0x1f1ff
