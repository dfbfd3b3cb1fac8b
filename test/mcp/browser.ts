/** A browser by hand: it keeps cookies as browsers do, shows them to their own host, and stops at every redirect. */
export interface Browser {
  /** By origin and name. */
  readonly cookies: Map<string, string>
  go(url: string, form?: Readonly<Record<string, string>>, more?: Readonly<Record<string, string>>): Promise<Response>
  /** Goes on while it is sent on; gives the last answer. */
  follow(reply: Response): Promise<Response>
  /** Opens the consent page; gives its form, for the button `decision`. */
  open(url: string): Promise<{ readonly reply: Response; readonly page: string; readonly action: string; readonly form: Readonly<Record<string, string>> }>
}

export function makeBrowser(get: (url: string, init: RequestInit) => Promise<Response> = fetch): Browser {
  const cookies = new Map<string, string>()

  const keep = (url: URL, text: string): void => {
    const [pair = '', ...attributes] = text.split(/;\s*/)
    const at = pair.indexOf('=')
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
    const secure = attributes.includes('Secure')
    // RFC 6265bis: what does not keep to its prefix is thrown away.
    if ((secure || name.startsWith('__Host-')) && (url.protocol !== 'https:' || !secure)) return
    if (name.startsWith('__Host-') && (!attributes.includes('Path=/') || attributes.some((one) => one.startsWith('Domain')))) return
    const key = `${url.host} ${name}`
    if (attributes.includes('Max-Age=0')) cookies.delete(key)
    else cookies.set(key, value)
  }

  const made: Browser = {
    cookies,
    async go(text, form, more = {}) {
      const url = new URL(text)
      const own = [...cookies].filter(([key]) => key.startsWith(`${url.host} `)).map(([key, value]) => `${key.slice(url.host.length + 1)}=${value}`)
      const reply = await get(text, {
        redirect: 'manual',
        headers: { ...(own.length > 0 && { cookie: own.join('; ') }), ...(form !== undefined && { origin: url.origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' }), ...more },
        ...(form !== undefined && { method: 'POST', body: new URLSearchParams(form).toString() }),
      })
      for (const one of reply.headers.getSetCookie()) keep(url, one)
      return reply
    },
    async follow(reply) {
      let last = reply
      for (let left = 8; left > 0 && last.status >= 300 && last.status < 400; left--) last = await made.go(last.headers.get('location') ?? '')
      return last
    },
    async open(url) {
      const reply = await made.go(url)
      const page = await reply.text()
      const value = (name: string): string => new RegExp(`name="${name}" value="([^"]+)"`).exec(page)?.[1] ?? ''
      return { reply, page, action: new URL('/mcp-oauth/start', url).href, form: { ticket: value('ticket'), nonce: value('nonce'), shown: value('shown') } }
    },
  }
  return made
}
