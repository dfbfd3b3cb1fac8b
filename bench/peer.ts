/**
 * Runs one detector of another package over texts, in a process of its own: what it breaks is its own.
 * `peer.ts PACKAGE DETECTOR TEXTS.json`; prints `{"flagged":[…],"micros":[…]}` as its last line.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loaded, peers } from './peers.ts'

const [packageName, detectorName, file] = process.argv.slice(2) as [string, string, string]
const peer = peers.find(({ name }) => name === packageName)
const detector = peer?.detectors.find(({ name }) => name === detectorName)
if (peer === undefined || detector === undefined) throw new Error(`no ${detectorName} in ${packageName}`)
const flags = await loaded(join(import.meta.dirname, '..'), peer, detector)
const texts = JSON.parse(readFileSync(file, 'utf8')) as readonly string[]
// Warm: what a server runs has been compiled.
for (const text of texts.slice(0, 20)) await flags(text)
const flagged: boolean[] = []
const micros: number[] = []
for (const text of texts) {
  const began = performance.now()
  flagged.push(await flags(text))
  micros.push((performance.now() - began) * 1000)
}
console.log(JSON.stringify({ flagged, micros }))
process.exit(0)
