import type { Judge, Question } from '../tools.ts'

/** What a judge is asked to repeat. */
export function checkIn(question: string): string {
  return /"check":"([0-9a-f]+)"/.exec(question)?.[1] ?? ''
}

/** A judge that answers what it is told to; `asked` holds its questions. */
export function fakeJudge(answer: (question: Question, check: string) => string | Promise<string>): Judge & { readonly asked: Question[] } {
  const asked: Question[] = []
  return {
    asked,
    async ask(question) {
      asked.push(question)
      return answer(question, checkIn(question.instructions))
    },
  }
}

export function graded(grade: number): (question: Question, check: string) => string {
  return (_, check) => JSON.stringify({ check, grade, reason: 'because' })
}
