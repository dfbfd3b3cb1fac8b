import { readFileSync } from 'node:fs'
import { exit, flag, none, type Command } from './command.ts'

/** The version in package.json. */
export function ownVersion(): string {
  const about = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
  return about.version
}

export const version: Command = {
  name: 'version',
  summary: 'Show the version, and the Node that it runs on.',
  usage: '',
  options: [],
  async run(args, io) {
    none(args)
    const facts = { version: ownVersion(), node: process.versions.node, platform: `${process.platform}-${process.arch}` }
    await io.out(flag(args, 'json') ? `${JSON.stringify(facts)}\n` : `sallyport ${facts.version} (Node ${facts.node}, ${facts.platform})\n`)
    return exit.ok
  },
}
