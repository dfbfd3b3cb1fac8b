/** How long a wait is, for people: at most two units, never less than the wait. */
export function waiting(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000))
  if (seconds < 60) return units(seconds, 'second')
  const minutes = Math.ceil(seconds / 60)
  if (seconds < 600 && seconds % 60 > 0) return `${units(Math.floor(seconds / 60), 'minute')} ${units(seconds % 60, 'second')}`
  if (minutes < 60) return units(minutes, 'minute')
  const hours = Math.ceil(minutes / 60)
  if (minutes < 1440) return minutes % 60 === 0 ? units(minutes / 60, 'hour') : `${units(Math.floor(minutes / 60), 'hour')} ${units(minutes % 60, 'minute')}`
  return hours % 24 === 0 ? units(hours / 24, 'day') : `${units(Math.floor(hours / 24), 'day')} ${units(hours % 24, 'hour')}`
}

function units(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
