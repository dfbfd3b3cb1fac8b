import type { Matcher } from '../matcher.ts'
import { grammar, mixtures } from './grammar.ts'
import type { Language } from './language.ts'
import { eastAsia } from './languages/east_asia.ts'
import { germanic } from './languages/germanic.ts'
import { others } from './languages/others.ts'
import { romance } from './languages/romance.ts'
import { slavic } from './languages/slavic.ts'
import { southAsia } from './languages/south_asia.ts'
import { southEastAsia } from './languages/south_east_asia.ts'
import { westAsia } from './languages/west_asia.ts'

/** Every language but English, which has rules of its own. */
export const languages: readonly Language[] = [...germanic, ...romance, ...slavic, ...others, ...westAsia, ...southAsia, ...eastAsia, ...southEastAsia]

/** Overrides, extractions and hijacks in all languages. */
export const world: readonly Matcher[] = [...languages.flatMap(grammar), mixtures(languages)]
