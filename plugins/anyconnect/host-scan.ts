import type { ClientFile } from './client-files.ts'

const XML = 'text/xml; charset=utf-8'
/** The token stands on a line of its own: openconnect's wrapper reads it with sed. It is worth nothing. */
const TOKEN = `<?xml version="1.0" encoding="UTF-8"?>\n<hostscan>\n<token>${'0'.repeat(24)}</token>\n</hostscan>\n`
const RECEIVED = '<?xml version="1.0" encoding="UTF-8"?>\n<hostscan><status>TOKEN_SUCCESS</status></hostscan>\n'
const NOTHING_WANTED = '<?xml version="1.0" encoding="UTF-8"?>\n<data>\n<hostscan>\n</hostscan>\n</data>\n'
/** Clients ask again while a page has a refresh in it: this one has none. */
const DONE = '<html></html>\n'

const ANSWERS: ReadonlyMap<string, ClientFile> = new Map([
  ['/+CSCOE+/sdesktop/token.xml', { type: XML, body: TOKEN }],
  ['/+CSCOE+/sdesktop/scan.xml', { type: XML, body: RECEIVED }],
  ['/+CSCOE+/sdesktop/wait.html', { type: 'text/html; charset=utf-8', body: DONE }],
  ['/CACHE/sdesktop/data.xml', { type: XML, body: NOTHING_WANTED }],
])

/**
 * Host scan (reference/protocol section 3.6): no login offers it, but who knows it of another gateway goes through it, and an error makes it
 * give up. It is told that nothing is wanted; what it reports is not read. `path` has no query. The programs of the scan are not here.
 */
export const hostScanAnswer = (path: string): ClientFile | undefined => ANSWERS.get(path)
