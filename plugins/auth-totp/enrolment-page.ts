import { createHash } from 'node:crypto'
import { escapeXml, type HttpAnswer } from '../../core/api.ts'
import { qrSvg } from './qr-code.ts'
import { spelled } from './totp-code.ts'

export const PAGE_PATH = '/totp'

const STYLE = `
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1c2330;--soft:#5a6478;--line:#dfe3ea;--mark:#1f5fbf;--on-mark:#fff;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--page:#12161d;--card:#1b212b;--ink:#e8ebf1;--soft:#9aa5b8;--line:#2c3543;--mark:#7fb0ff;--on-mark:#12161d;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1rem;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:26rem;padding:clamp(1.25rem,5vw,2.5rem);background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .5rem;font-size:1.5rem}
p{margin:.5rem 0;color:var(--soft)}
.error{color:var(--bad);font-weight:600}
label{display:block;margin:1rem 0 .25rem}
input,button{width:100%;min-height:2.75rem;padding:.5rem .75rem;border:1px solid var(--line);border-radius:.4rem;font:inherit;background:var(--page);color:var(--ink)}
button{margin-top:1.25rem;border:0;background:var(--mark);color:var(--on-mark);font-weight:600}
svg{display:block;width:100%;max-width:16rem;margin:1rem auto;border-radius:.4rem}
a{color:var(--mark)}
code,li{font:.95rem/1.6 ui-monospace,monospace;overflow-wrap:anywhere}
ol{margin:1rem 0;padding-left:2.5rem}
`.trim()

/** The page's own style, its form to itself, no script, nothing from elsewhere. */
export const PAGE_CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`

const HEADERS = [
  ['Content-Type', 'text/html; charset=utf-8'],
  ['Cache-Control', 'no-store'],
  ['Content-Security-Policy', PAGE_CSP],
  // Not `no-referrer`, with which browsers hide the origin that the form is checked by.
  ['Referrer-Policy', 'same-origin'],
  ['Strict-Transport-Security', 'max-age=31536000'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
] as const

const page = (status: number, body: string): HttpAnswer => ({
  status,
  headers: HEADERS,
  body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Second factor</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Second factor</h1>
${body}
</main>
</body>
</html>
`,
})

const errorLine = (error: string | undefined): string => (error === undefined ? '' : `<p class="error" role="alert">${escapeXml(error)}</p>\n`)

export const loginPage = (error?: string, status = 200): HttpAnswer =>
  page(
    status,
    `${errorLine(error)}<p>Set up an authenticator app for your VPN login. Sign in with the name and password that you use for the VPN.</p>
<form method="post" action="${PAGE_PATH}" autocomplete="off">
<label for="username">User name</label>
<input id="username" name="username" required maxlength="128" autocapitalize="none" spellcheck="false" autocomplete="username">
<label for="password">Password</label>
<input id="password" name="password" type="password" required maxlength="256" autocomplete="current-password">
<button>Continue</button>
</form>`,
  )

export const keyPage = (key: { readonly secret: Uint8Array; readonly uri: string; readonly handle: string; readonly error?: string | undefined }): HttpAnswer =>
  page(
    200,
    `${errorLine(key.error)}<p>Scan this code with an authenticator app, <a href="${escapeXml(key.uri)}">open it</a> in the app on this phone, or type the key.</p>
${qrSvg(key.uri, 'QR code of the key')}
<code>${spelled(key.secret)}</code>
<form method="post" action="${PAGE_PATH}" autocomplete="off">
<input type="hidden" name="handle" value="${key.handle}">
<label for="code">The six digits that the app shows</label>
<input id="code" name="code" required maxlength="16" inputmode="numeric" autocomplete="one-time-code">
<button>Confirm</button>
</form>`,
  )

export const donePage = (recoveryCodes: readonly string[]): HttpAnswer =>
  page(
    200,
    `<p>Your second factor is set up. Write down these recovery codes: each lets you in once without your phone, and they are not shown again.</p>
<ol>
${recoveryCodes.map((code) => `<li>${code}</li>`).join('\n')}
</ol>
<p>From now on the VPN asks for a code. You can close this page.</p>`,
  )

export const NOT_HERE: HttpAnswer = { status: 404, headers: HEADERS, body: '<html></html>\n' }
