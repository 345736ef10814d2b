/** A fixed answer to a probe of Cisco's downloader. */
export interface ClientFile {
  readonly type: string
  readonly body: string
}

const NOTHING: ClientFile = { type: 'text/html; charset=utf-8', body: '<html></html>\n' }
const MANIFEST: ClientFile = { type: 'text/xml; charset=utf-8', body: '<?xml version="1.0" encoding="UTF-8"?>\n<vpn rev="1.0">\n</vpn>\n' }
/** Never newer than what the client has. */
const VERSION: ClientFile = { type: 'text/plain; charset=utf-8', body: '0,0,0000\n' }
const SCRIPT: ClientFile = { type: 'application/x-shellscript', body: '#!/bin/sh\nexit 0\n' }

const FILES: ReadonlyMap<string, ClientFile> = new Map([
  ['/1/index.html', NOTHING],
  ['/1/VPNManifest.xml', MANIFEST],
  ['/VPNManifest.xml', MANIFEST],
  ['/1/binaries/update.txt', VERSION],
  ['/1/binaries/vpndownloader.sh', SCRIPT],
  ['/+CSCOT+/translation-table', MANIFEST],
  ['/+CSCOT+/oem-customization', MANIFEST],
])
/** Where Cisco's gateways have them; a client that knew one before may still ask there. */
const CISCO_BASE = /^\/CACHE\/stc(?=\/1\/|\/VPNManifest\.xml)/
/** `/1/Windows`, `/1/Linux_64`, `/1/Darwin_i386` ... */
const PLATFORM = /^\/1\/[A-Za-z0-9_-]{1,32}$/

/**
 * What the downloader asks for, without a cookie and before every connect; an error makes clients stop
 * (reference/protocol section 2.2, reference/cisco section 3). `path` has no query.
 */
export function clientFile(path: string): ClientFile | undefined {
  const name = path.replace(CISCO_BASE, '').replace(/(?<=.)\/$/, '')
  return FILES.get(name) ?? (PLATFORM.test(name) ? NOTHING : undefined)
}
