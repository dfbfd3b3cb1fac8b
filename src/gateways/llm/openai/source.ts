import type { Source } from '../conversation.ts'

/** The source that a URL names: a `data:` URL is inline, everything else is fetched. */
export function sourceOfUrl(url: string): Source {
  const found = /^data:([^,]*),/i.exec(url)
  if (found === null) return { from: 'url', url }
  const head = found[1] as string
  const body = url.slice(found[0].length)
  const base64 = /;base64$/i.test(head)
  const mime = head.replace(/;.*$/s, '').toLowerCase()
  return {
    from: 'inline',
    mime: mime === '' ? 'text/plain' : mime,
    base64: base64 ? body : Buffer.from(percentDecoded(body)).toString('base64'),
  }
}

/** File bytes come as a `data:` URL or as bare base64, whose type only the file's name can tell. */
export function sourceOfFile(data: string, name: string | undefined): Source {
  if (/^data:/i.test(data)) return sourceOfUrl(data)
  const ending = name?.slice(name.lastIndexOf('.') + 1).toLowerCase() ?? 'pdf'
  return { from: 'inline', mime: endings.get(ending) ?? 'application/octet-stream', base64: data }
}

const endings: ReadonlyMap<string, string> = new Map([
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
  ['csv', 'text/csv'],
  ['html', 'text/html'],
  ['json', 'application/json'],
])

export function dataUrl(source: Source & { readonly from: 'inline' }): string {
  return `data:${source.mime};base64,${source.base64}`
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
