import { createHash } from 'node:crypto'
import { escapeXml, type HttpAnswer } from '../../core/api.ts'

const STYLE = `
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1c2330;--soft:#5a6478;--line:#dfe3ea;--mark:#1f5fbf;--on:#fff}
@media (prefers-color-scheme:dark){:root{--page:#12161d;--card:#1b212b;--ink:#e8ebf1;--soft:#9aa5b8;--line:#2c3543;--mark:#7fb0ff;--on:#10141b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1rem;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:30rem;padding:clamp(1.25rem,5vw,2.5rem);background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .5rem;font-size:1.5rem}
p{margin:.5rem 0;color:var(--soft);overflow-wrap:anywhere}
p.alert{color:var(--ink);font-weight:600}
label{display:block;margin:1rem 0 .25rem}
input{width:100%;padding:.6rem .75rem;border:1px solid var(--line);border-radius:.4rem;background:var(--page);color:var(--ink);font:1.4rem/1.4 ui-monospace,monospace;letter-spacing:.15em;text-transform:uppercase}
button,a.button{display:block;width:100%;margin-top:1rem;padding:.7rem;border:0;border-radius:.4rem;background:var(--mark);color:var(--on);font:600 1rem/1.4 system-ui,sans-serif;text-align:center;text-decoration:none;cursor:pointer}
dl{margin:1rem 0 0}
dt{color:var(--soft);font-size:.875rem}
dd{margin:0 0 .5rem;overflow-wrap:anywhere}
`.trim()
const SUBMIT = 'document.forms[0].submit()'
const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** Only the page's own style, nothing from elsewhere, no frame. */
const POLICY = `default-src 'none'; style-src ${hash(STYLE)}; base-uri 'none'; frame-ancestors 'none'`
// A form that is posted to the identity provider may be sent on from there: no form-action can name where.
const SUBMIT_POLICY = `${POLICY}; script-src ${hash(SUBMIT)}`

type Header = readonly [name: string, value: string]

/** `body` is HTML. */
function page(status: number, title: string, body: string, options: { readonly policy?: string; readonly head?: string; readonly headers?: readonly Header[] } = {}): HttpAnswer {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${options.head ?? ''}<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeXml(title)}</h1>
${body}
</main>
</body>
</html>
`
  return {
    status,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'], ['Cache-Control', 'no-store'], ['X-Content-Type-Options', 'nosniff'], ['X-Frame-Options', 'DENY'], ['Referrer-Policy', 'no-referrer'],
      ['Strict-Transport-Security', 'max-age=31536000'], ['Content-Security-Policy', options.policy ?? `${POLICY}; form-action 'self'`], ...(options.headers ?? []),
    ],
    body: html,
  }
}

export const redirect = (url: string, headers: readonly Header[] = []): HttpAnswer => ({
  status: 302, headers: [['Location', url], ['Cache-Control', 'no-store'], ['Referrer-Policy', 'no-referrer'], ...headers], body: '',
})

export const donePage = (): HttpAnswer => page(200, 'You are logged in', '<p>The VPN connects now. You can close this window.</p>')

export const loggedOutPage = (): HttpAnswer => page(200, 'You are logged out', '<p>The VPN has been logged out too. You can close this window.</p>')

export const errorPage = (status: number, text: string, headers: readonly Header[] = []): HttpAnswer =>
  page(status, 'The login did not work', `<p class="alert">${escapeXml(text)}</p>\n<p>Go back to your VPN client and connect again. If it happens again, tell your administrator.</p>`, { headers })

/** Brings the token to the client that waits on this device; `url` is on localhost. */
export const handOverPage = (url: string): HttpAnswer =>
  page(200, 'You are logged in', `<p>Your VPN client takes over now.</p>\n<a class="button" href="${escapeXml(url)}">Continue if nothing happens</a>`, { head: `<meta http-equiv="refresh" content="0;url=${escapeXml(url)}">\n` })

/** Posts itself; with a button where scripts are off. */
export const postPage = (url: string, fields: Readonly<Record<string, string>>): HttpAnswer =>
  page(200, 'Login', `<p>Your organisation's login page opens.</p>
<form method="post" action="${escapeXml(url)}">
${Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${escapeXml(name)}" value="${escapeXml(value)}">`).join('\n')}
<button>Continue</button>
</form>
<script>${SUBMIT}</script>`, { policy: SUBMIT_POLICY })

export const codePage = (action: string, problem?: string): HttpAnswer =>
  page(problem === undefined ? 200 : 400, 'Log in to the VPN', `${problem === undefined ? '' : `<p class="alert">${escapeXml(problem)}</p>\n`}<p>Enter the code that your VPN client shows.</p>
<form method="post" action="${escapeXml(action)}">
<label for="code">Code</label>
<input id="code" name="code" required maxlength="12" autocomplete="off" autocapitalize="characters" spellcheck="false" autofocus>
<button>Next</button>
</form>`)

/** Who reads out a code to a stranger lets the stranger in: the page says whose login it is. */
export const confirmPage = (facts: { readonly agent: string; readonly peer: string; readonly next: string }, cookie: string): HttpAnswer =>
  page(200, 'Is this your login?', `<p>Go on only if you have just started the VPN yourself. Whoever sent you this code would use the VPN in your name.</p>
<dl>
<dt>Client</dt><dd>${escapeXml(facts.agent)}</dd>
<dt>From</dt><dd>${escapeXml(facts.peer)}</dd>
</dl>
<a class="button" href="${escapeXml(facts.next)}">Yes, log in</a>`, { headers: [['Set-Cookie', cookie]] })
