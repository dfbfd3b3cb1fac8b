import { exit, flag, list, none, UsageError, type Command } from '../command.ts'
import { bookFor, configOption, policiesOption, soundSettings, withProblems } from './books.ts'
import { changesText, corpusOptions, corpusText, examplesOption } from './changes.ts'

export const policyReplay: Command = {
  name: 'policy replay',
  summary: 'Decide what was recorded again under other policies, and list what comes out differently.',
  usage: '--policies WHICH [--receipts FILE] [--since WHEN] [options]',
  options: [policiesOption, configOption, ...corpusOptions, examplesOption],
  more: `Reads the receipts of the state folder (a running instance need not stop), of an exported log, or questions that were
written down, and asks the policies each of them anew. What a reviewer had released counts as held. Receipts that do not
say what policy was asked are counted and left out. Nothing is changed anywhere. Exit code 1: something comes out
differently.`,
  async run(args, io) {
    none(args)
    if (list(args, 'policies') === undefined) throw new UsageError('--policies is missing: which policies should decide?')
    const loaded = soundSettings(args, io)
    // Loaded here, because Cedar is large and most commands do not need it.
    const [{ configuredRulebook, tally }, { readCorpus }] = await Promise.all([import('../../policing.ts'), import('./corpus.ts')])
    return withProblems('nothing was decided, because of these problems:', async () => {
      const book = await bookFor(args, io, loaded)
      // Of a question without an answer, the policies in force say what it would have been.
      const present = list(args, 'transcript') === undefined ? undefined : await configuredRulebook(loaded)
      const changes = tally()
      const corpus = await readCorpus(args, io, book, loaded.tools, (one) => {
        const then = one.then ?? present?.policy.authorize(one.question).verdict ?? 'deny'
        changes.take({ ...one, then }, then, book.policy.authorize(one.question))
      })
      const result = changes.result()
      if (flag(args, 'json')) await io.out(`${JSON.stringify({ policies: book.name, ...corpus, ...result })}\n`)
      else {
        const closing = result.changed === 0 ? `Nothing changes: ${corpusText(corpus, result)}.` : `${result.changed} of ${corpusText(corpus, result)} change.`
        await io.out(`${[...changesText(args, io, book, result), closing].join('\n')}\n`)
      }
      return result.changed === 0 ? exit.ok : exit.negative
    })
  },
}
