import type { Changes } from '../../policing.ts'
import { exit, flag, UsageError, type Command } from '../command.ts'
import { configOption, soundSettings, withProblems } from './books.ts'
import { changesText, corpusOptions, corpusText, examplesOption } from './changes.ts'

export const policyDiff: Command = {
  name: 'policy diff',
  summary: 'Show what one set of policies permits, forbids and holds that another does not, on what was recorded.',
  usage: 'A B [--receipts FILE] [--since WHEN] [options]',
  options: [configOption, ...corpusOptions, examplesOption],
  more: `A and B are each a folder, a .cedar file, starter:NAME, shipped, or a settings file (whose own declarations then count).
First come the policies that were added, removed or changed; then every recorded decision that A and B answer
differently: newly permitted, newly held, newly forbidden, each with its receipts. Exit code 1: something is different.`,
  async run(args, io) {
    const [a, b, ...rest] = args.positionals
    if (a === undefined || b === undefined || rest.length > 0) throw new UsageError('two sets of policies are expected: the old one and the new one')
    const loaded = soundSettings(args, io)
    // Loaded here, because Cedar is large and most commands do not need it.
    const [{ editsOf, namedRulebook, tally }, { readCorpus }] = await Promise.all([import('../../policing.ts'), import('./corpus.ts')])
    return withProblems('nothing was compared, because of these problems:', async () => {
      const before = await namedRulebook([a], io.cwd, loaded.policy.extras, io.env)
      const after = await namedRulebook([b], io.cwd, loaded.policy.extras, io.env)
      const edits = editsOf(before, after)
      const changes = tally()
      const corpus = await readCorpus(args, io, after, loaded.tools, (one) => {
        const { verdict } = before.policy.authorize(one.question)
        changes.take({ ...one, then: verdict }, verdict, after.policy.authorize(one.question))
      })
      const result = changes.result()
      if (flag(args, 'json')) await io.out(`${JSON.stringify({ before: before.name, after: after.name, edits, ...corpus, ...result })}\n`)
      else {
        const lines = [
          ...edits.map(({ id, how, at }) => `${signs[how]} ${id} (${at}) ${how}`),
          ...(['allow', 'hold', 'deny'] as const).flatMap((now) => {
            const some = only(result, now)
            return some.changes.length === 0 ? [] : ['', `${headings[now]}:`, ...changesText(args, io, after, some)]
          }),
          ...(result.left === 0 ? [] : [`… and ${result.left} more of other kinds`]),
          ...(edits.length + result.changed === 0 ? [] : ['']),
          result.changed === 0 ? `No decision changes: ${corpusText(corpus, result)}.` : `${result.changed} of ${corpusText(corpus, result)} change.`,
        ]
        await io.out(`${lines.join('\n')}\n`)
      }
      return edits.length + result.changed === 0 ? exit.ok : exit.negative
    })
  },
}

const signs = { added: '+', removed: '-', changed: '~' } as const
const headings = { allow: 'Newly permitted', hold: 'Newly held', deny: 'Newly forbidden' } as const

function only(result: Changes, now: 'allow' | 'hold' | 'deny'): Changes {
  return { ...result, changes: result.changes.filter((one) => one.now === now), by: { action: {}, resource: {}, principal: {} }, left: 0 }
}
