import { writeFileSync } from 'node:fs'
import { generated, isCurrent } from './generated.ts'

/** Writes the generated pages anew: `npm run docs`. */
for (const [path, text] of generated()) {
  if (isCurrent(path, text)) continue
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  console.log(`wrote ${path}`)
}
