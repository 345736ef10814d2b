import { PeerError } from '../../core/api.ts'
import { readIdpMetadata } from '../../plugins/auth-saml/idp-metadata.ts'
import { logoutOutlineOf, outlineOf } from '../../plugins/auth-saml/message-outline.ts'

export const short = true

/** What browsers bring, and metadata: a tree within its bounds, or one line of refusal. */
export function run(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8')
  for (const read of [outlineOf, (xml: string) => logoutOutlineOf(xml, true), (xml: string) => readIdpMetadata(xml, undefined, 0)]) {
    try {
      read(text)
    } catch (error) {
      if (!(error instanceof PeerError) || error.message.includes('\n') || error.message.length > 400) throw error
    }
  }
}
