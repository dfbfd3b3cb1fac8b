import type { PinTexts, PinView } from '../../pinning.ts'
import { exit, flag, UsageError, type Command } from '../command.ts'
import { moment, visible } from '../show.ts'
import { differences } from './difference.ts'
import { itemOf, labelOf, lookOption, pinsAdmin, serverAt, short, whyText } from './pins.ts'

export const mcpDiff: Command = {
  name: 'mcp diff',
  summary: 'Show how what an MCP server says differs from what is pinned of it.',
  usage: 'SERVER [ITEM] [--look]',
  options: [lookOption],
  more: `ITEM is what sallyport mcp list SERVER calls it, such as tools/add, prompts/greet, instructions or package; a name alone
will do where there is one of it. Without ITEM, all that waits. Lines with - are pinned, lines with + are what the server says
now, written as JSON with everything escaped that is not plainly visible. Exit code 1 when something differs.`,
  async run(args, io) {
    const [name, written, ...rest] = args.positionals
    if (name === undefined) throw new UsageError('SERVER is missing')
    if (rest.length > 0) throw new UsageError(`SERVER and one ITEM are expected, got ${args.positionals.length}`)
    const admin = await pinsAdmin(io)
    const server = await serverAt(admin, name, flag(args, 'look'))
    const wanted = written === undefined ? server.items.filter(({ seen, found }) => seen !== undefined || found !== undefined) : [itemOf(server, written)]
    const texts: PinTexts[] = []
    for (const { kind, name: item } of wanted) texts.push((await admin('GET', `mcp/servers/${encodeURIComponent(name)}/item?${String(new URLSearchParams({ kind, name: item }))}`)) as PinTexts)
    if (flag(args, 'json')) await io.out(`${JSON.stringify({ server: name, items: texts, waiting: server.waiting })}\n`)
    else if (texts.length === 0) await io.out(server.items.length === 0 ? `${name} was never met. Ask it now with: sallyport mcp diff ${name} --look\n` : `${name} is as it was pinned.\n`)
    else {
      for (const one of texts) await io.out(`${pageOf(name, one)}\n`)
      if (written === undefined && server.waiting.count > 1) await io.out(`All ${server.waiting.count} that wait: sallyport mcp endorse ${name} --all --hash ${server.waiting.hash}\n`)
    }
    return texts.every(({ seen, found }) => seen === undefined && found === undefined) ? exit.ok : exit.negative
  },
}

/** What a server wrote is quoted and escaped: it is read by the one person whom an attacker wants to mislead. */
function pageOf(server: string, one: PinTexts): string {
  const { pinned, since, by, seen, at, pinnedText, seenText, found } = one
  const label = visible(labelOf(one))
  const lines = [`${label}: ${stateText(one)}`]
  if (pinned !== undefined) lines.push(`  pinned ${short(pinned)} since ${moment(since ?? 0)} by ${visible(by ?? '')}`)
  if (seen !== undefined) lines.push(`  seen   ${short(seen)} at ${moment(at ?? 0)}`)
  if (seenText === undefined) {
    if (pinnedText !== undefined) lines.push(`    ${visible(pinnedText)}`)
    return `${lines.join('\n')}\n`
  }
  for (const { path, before, after } of differences(parsed(pinnedText), parsed(seenText))) {
    const place = path === '' ? '' : `${visible(path)}: `
    if (before !== undefined) lines.push(`  - ${place}${visible(JSON.stringify(before))}`)
    if (after !== undefined) lines.push(`  + ${place}${visible(JSON.stringify(after))}`)
  }
  if (found === undefined) lines.push(`  endorse it: sallyport mcp endorse ${server} ${shellWord(label)} --hash ${seen ?? ''}`)
  else lines.push('  it cannot be endorsed while the guardrails refuse it')
  return `${lines.join('\n')}\n`
}

function stateText(one: PinView): string {
  const why = whyText(one)
  return why === '' ? one.state : `${one.state}, ${why}`
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text)
}

function shellWord(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`
}
