/** The words of the radio spelling alphabet; each stands for its first letter. */
export const SPELLING: ReadonlySet<string> = new Set(
  'alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey whisky x-ray xray yankee zulu'.split(' '),
)
