/** Parts that a window is counted in: what is older than the window by less than one of them still counts. */
const PARTS = 60

/** Amounts by when they were added. Parts and amounts go together; the newest is last. */
export interface Window {
  readonly parts: number[]
  readonly amounts: number[]
}

/** @param within milliseconds */
export function widthOf(within: number): number {
  return Math.max(1, Math.ceil(within / PARTS))
}

/** Adds an amount of this moment. A clock that was set back adds to the newest part, so that nothing lives longer. */
export function add({ parts, amounts }: Window, now: number, width: number, amount: number): void {
  const part = Math.floor(now / width)
  const newest = parts.length - 1
  if (newest >= 0 && (parts[newest] as number) >= part) {
    amounts[newest] = atMost((amounts[newest] as number) + amount)
    return
  }
  parts.push(part)
  amounts.push(amount)
  let gone = 0
  while ((parts[gone] as number) < part - PARTS) gone += 1
  parts.splice(0, gone)
  amounts.splice(0, gone)
}

/** Everything added within the window, and perhaps a little before: never less. */
export function total({ parts, amounts }: Window, now: number, width: number): number {
  const first = Math.floor(now / width) - PARTS
  let sum = 0
  for (let index = parts.length - 1; index >= 0 && (parts[index] as number) >= first; index -= 1) sum += amounts[index] as number
  return atMost(sum)
}

/** True when nothing of it counts any more. */
export function isOver({ parts }: Window, now: number, width: number): boolean {
  return (parts.at(-1) ?? Number.NEGATIVE_INFINITY) < Math.floor(now / width) - PARTS
}

/** Cedar's integers are exact up to here in JavaScript, and a sum beyond it is far above any limit. */
export function atMost(amount: number): number {
  return Math.min(amount, Number.MAX_SAFE_INTEGER)
}
