import { createHash } from 'node:crypto'
import { escapeXml } from '../../core/api.ts'

const STYLE = `
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1c2330;--soft:#5a6478;--line:#dfe3ea;--mark:#1f5fbf}
@media (prefers-color-scheme:dark){:root{--page:#12161d;--card:#1b212b;--ink:#e8ebf1;--soft:#9aa5b8;--line:#2c3543;--mark:#7fb0ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1rem;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:34rem;padding:clamp(1.25rem,5vw,2.5rem);background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0;font-size:1.5rem}
h2{margin:1.75rem 0 .25rem;font-size:1rem}
p{margin:.25rem 0;color:var(--soft)}
.name{color:var(--mark);font-weight:600;overflow-wrap:anywhere}
code{display:block;margin:.5rem 0;padding:.6rem .75rem;border:1px solid var(--line);border-radius:.4rem;background:var(--page);color:var(--ink);font:.9rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
`.trim()

/** Only the page's own style, nothing from elsewhere, no script, no frame. */
export const PORTAL_CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** `body` is HTML. */
const frame = (body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Postern VPN</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Postern VPN</h1>
${body}
</main>
</body>
</html>
`

/** What a browser sees: what this is and how to get a client. `name` is the public name of the gateway with its port. */
export const portalPage = (name: string): string => frame(`<p>This is the VPN gateway <span class="name">${escapeXml(name)}</span>. You connect with a VPN client, not with the browser.</p>
<h2>Windows, macOS, iPhone, iPad, Android</h2>
<p>Install Cisco Secure Client (AnyConnect) from your administrator or your app store, then connect to</p>
<code>${escapeXml(name)}</code>
<h2>Linux</h2>
<p>Install the package <b>openconnect</b> (or the OpenConnect plugin of NetworkManager), then run</p>
<code>sudo openconnect ${escapeXml(name)}</code>
<p>Sign in with the user name and password that your administrator gave you.</p>`)

/** Instead of any page that begins a login, where none would come to an end. */
export const barredPage = (text: string): string => frame(`<p>${escapeXml(text)}</p>
<p>VPN connections that are up already go on, and come back by themselves. From another network, such as that of your phone, you can log in right away.</p>
<p>If you think that this is a mistake, ask your administrator.</p>`)

/** A browser asks for HTML and does not speak the protocol. */
export const isBrowser = (accept: string | undefined, userAgent: string): boolean =>
  (accept?.includes('text/html') ?? false) || /^Mozilla\//.test(userAgent)
