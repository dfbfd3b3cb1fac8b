/** Markup; whatever is not is made harmless by `html`. */
class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const HARMLESS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function html(parts: TemplateStringsArray, ...values: readonly (string | Markup | readonly Markup[])[]): Markup {
  let text = parts[0] as string
  for (const [at, value] of values.entries()) {
    const safe = value instanceof Markup ? value.text : typeof value === 'string' ? shown(value) : value.map((one) => one.text).join('')
    text += safe + (parts[at + 1] as string)
  }
  return new Markup(text)
}

/** Directions of writing and invisible characters could make one name look like another. */
function shown(text: string): string {
  return text.slice(0, 2048).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}').replace(/[&<>"']/g, (one) => HARMLESS[one] as string)
}

/** What a button says that leads to an issuer; the issuer follows. */
export const SIGN_IN = 'sign in '

/** What a person is asked. */
export interface Question {
  readonly ticket: string
  /** Shown again by the form, and known from the cookie: another page cannot make it. */
  readonly nonce: string
  /** Says what this page showed: nothing else is agreed to with it. */
  readonly shown: string
  readonly caller: string
  /** The agent's own name: several callers may have it. */
  readonly agent?: string
  readonly user?: string
  readonly server: string
  readonly url: string
  readonly issuer: string
  readonly scopes: readonly string[]
  /** A caller without a credential has none to show. */
  readonly proof: boolean
  /** Issuers at which the caller's user can sign in instead. */
  readonly signIns: readonly string[]
  readonly action: string
}

export function consentPage({ ticket, nonce, shown: seen, caller, agent, user, server, url, issuer, scopes, proof, signIns, action }: Question): string {
  return page('Let a server be used', html`
<p>${agent === undefined ? '' : html`<b>${agent}</b>, that is `}<b>${caller}</b>${user === undefined ? '' : html`, acting for <b>${user}</b>,`} asks to use the server <b>${server}</b> at ${url} in your name.</p>
<p>You will be sent to <b>${new URL(issuer).host}</b> to log in. ${scopes.length === 0 ? 'It will say what is asked for.' : 'This is asked for:'}</p>
${scopes.length === 0 ? '' : html`<ul>${scopes.map((one) => html`<li><code>${one}</code></li>`)}</ul>`}
<p>Agree only if this is your own caller, and you started this.${proof ? ` Whoever agrees ${signIns.length > 0 ? 'signs in, or ' : ''}shows its credential, which says that it is theirs.` : ''}</p>
<form method="post" action="${action}">
<input type="hidden" name="ticket" value="${ticket}"><input type="hidden" name="nonce" value="${nonce}"><input type="hidden" name="shown" value="${seen}">
${signIns.length === 0 ? '' : html`<p>${signIns.map((one) => html`<button name="decision" value="${SIGN_IN}${one}" formnovalidate>Agree and sign in at ${new URL(one).host}</button> `)}</p>`}
${proof ? html`<p><label>Credential of the caller (its Sallyport key or token, or the code that an operator gave you)<br><input type="password" name="credential" autocomplete="off" required maxlength="8192" size="40"></label></p>` : ''}
<p><button name="decision" value="allow">Agree and log in</button> <button name="decision" value="deny" formnovalidate>No</button></p>
</form>`)
}

export function saidPage(title: string, sentence: string, id: string): string {
  return page(title, html`<p>${sentence}</p><p><small>${id}</small></p>`)
}

function page(title: string, body: Markup): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} – Sallyport</title></head>
<body><h1>${title}</h1>${body}</body></html>
`.text
}
