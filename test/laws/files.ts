import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Breach, Judgement } from './tool.ts'

const longest = 600
const long = 300
const banned = /^(utils?|common|helpers?|managers?|services?)$/i
const binary = /\.(png|jpe?g|gif|ico|woff2?|onnx|bin|gz|zip|db)$/i

/** What may not stand in any file: paths of one machine, and hosts that serve packages. */
const private_ = [
  { pattern: /(^|[\s"'`(=:,])\/(work|root|home\/\w+|Users\/\w+)\//m, what: 'names a path of one machine' },
  { pattern: /registry\.(npmjs|yarnpkg|npmmirror)\.|"resolved": "https?:/, what: 'names a package registry' },
]

/** File sizes, and names that say nothing about what a file owns. */
export function sizesAndNames(root: string): Promise<Judgement> {
  const breaches: Breach[] = []
  const notices: string[] = []
  for (const file of listed(root)) {
    const parts = file.split('/')
    const empty = parts.find((part) => part.split(/[.-]/).some((word) => banned.test(word)))
    if (empty !== undefined && /^(src|test|bench|bin)\//.test(file)) breaches.push({ where: file, what: `"${empty}" says nothing about what is in it` })
    if (!/\.(ts|tsx|js|mjs)$/.test(file)) continue
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length - 1
    if (lines > longest) breaches.push({ where: file, what: `${lines} lines; ${longest} is the limit` })
    else if (lines > long) notices.push(`${file}: ${lines} lines ask to be split`)
  }
  return Promise.resolve({ breaches, notices })
}

/** Nothing that is true on one machine only. */
export function portable(root: string): Promise<Judgement> {
  const breaches = listed(root)
    .filter((file) => !binary.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8')
      return private_.flatMap(({ pattern, what }) => {
        const found = pattern.exec(text)
        return found === null ? [] : [{ where: `${file}:${text.slice(0, found.index).split('\n').length}`, what }]
      })
    })
  return Promise.resolve({ breaches })
}

/** What git tracks or would track; every file where there is no repository. */
function listed(root: string): readonly string[] {
  if (!existsSync(join(root, '.git'))) {
    return globSync('**/*', { cwd: root, exclude: ['node_modules/**'], withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
  }
  const names = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return names.split('\0').filter((name) => name !== '' && existsSync(join(root, name)))
}
