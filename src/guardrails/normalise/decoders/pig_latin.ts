import { isWord, likeness, rarity } from '../language/language.ts'
import { clipped, spend, Tracked } from '../piece.ts'
import type { Decoder } from '../piece.ts'
import { SEEN } from '../units.ts'

// Words that end so anyway.
const PLAIN = new Set(['day', 'days', 'say', 'way', 'may', 'pay', 'play', 'stay', 'away', 'today', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday', 'display', 'always', 'array', 'delay', 'gray', 'okay', 'birthday', 'holiday', 'highway', 'gateway', 'pathway', 'railway', 'subway', 'runway', 'anyway', 'yesterday', 'essay', 'relay', 'replay', 'overlay', 'spray', 'tray', 'clay', 'pray', 'lay', 'bay', 'ray', 'hay', 'jay', 'decay', 'betray', 'everyday', 'norway', 'broadway', 'doorway', 'hallway', 'midday', 'weekday', 'x-ray', 'xray', 'repay', 'payday', 'portray', 'astray', 'uruguay', 'paraguay', 'bombay', 'ebay', 'assay'])
const RARE = 99
const CLUSTER = /(?:[bcdfghjklmnpqrstvwxyz]*qu|[bcdfghjklmnpqrstvwxyz]+)$/

/** The likeliest word that Pig Latin turned into this one; undefined where none is known. */
function original(word: string): string | undefined {
  const stem = word.replace(/[-']?ay$/, '')
  if (stem === word || stem.length < 2) return undefined
  const tries: string[] = []
  const joined = stem.replace(/[-']/g, '')
  const cluster = CLUSTER.exec(joined)?.[0] ?? ''
  for (const ending of ['w', 'y']) if (joined.endsWith(ending) && joined.length > 1) tries.push(joined.slice(0, -1))
  for (let n = cluster.length; n > 0; n--) tries.push(joined.slice(-n) + joined.slice(0, -n))
  const sure = tries.filter(isWord).sort((a, b) => (rarity(a) ?? RARE) - (rarity(b) ?? RARE))[0]
  if (sure !== undefined) return sure
  let best: string | undefined
  let most = -1
  for (const one of tries) {
    const { perLetter } = likeness(one)
    if (perLetter > most) {
      most = perLetter
      best = one
    }
  }
  return best
}

export const pigLatin: Decoder = {
  name: 'pig_latin',
  wakes: SEEN.ays,
  read({ text, sketch, work }, put) {
    for (let s = 0; s < sketch.ays.length; s += 2) {
      const start = sketch.ays[s] as number
      const end = clipped(work, start, sketch.ays[s + 1] as number)
      if (!spend(work, (end - start) * 4)) return
      const made = new Tracked()
      let words = 0
      let turned = 0
      let sure = 0
      for (const found of text.slice(start, end).matchAll(/[A-Za-z]+(?:[-'][A-Za-z]+)*|[^A-Za-z]+/g)) {
        const [part] = found
        const at = start + found.index
        const lower = part.toLowerCase()
        const word = /^[a-z]/.test(lower) && lower.endsWith('ay') && !PLAIN.has(lower) ? original(lower) : undefined
        if (/^[a-z]/.test(lower) && lower.length > 2) words++
        if (word === undefined) {
          for (let i = 0; i < part.length; i++) made.put(part.charAt(i), at + i, at + i + 1)
          continue
        }
        turned++
        if (isWord(word)) sure++
        const cased = part === part.toUpperCase() ? word.toUpperCase() : /^[A-Z]/.test(part) ? word.charAt(0).toUpperCase() + word.slice(1) : word
        made.put(cased, at, at + part.length)
      }
      if (turned >= 3 && turned * 3 >= words * 2 && sure * 5 >= turned * 2) put(made.piece(start, end))
    }
  },
}
