import { escapeXml } from '../../core/api.ts'
import { BINDINGS, DSIG, METADATA, SAMLP } from './namespaces.ts'
import type { SpUrls } from './sp-urls.ts'

/** What the administrator of the identity provider is given (SAML 2.0 metadata, section 2.4.4). */
export function metadataDocument(urls: SpUrls, certificate: string): string {
  const bare = certificate.replace(/-----[A-Z ]+-----|\s+/g, '')
  const logout = (binding: string): string => `<SingleLogoutService Binding="${binding}" Location="${escapeXml(urls.logout)}"/>`
  return `<?xml version="1.0" encoding="UTF-8"?>
<EntityDescriptor xmlns="${METADATA}" entityID="${escapeXml(urls.entityId)}">
<SPSSODescriptor protocolSupportEnumeration="${SAMLP}" AuthnRequestsSigned="true" WantAssertionsSigned="true">
<KeyDescriptor use="signing"><KeyInfo xmlns="${DSIG}"><X509Data><X509Certificate>${bare}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
${logout(BINDINGS.redirect)}
${logout(BINDINGS.post)}
<AssertionConsumerService Binding="${BINDINGS.post}" Location="${escapeXml(urls.acs)}" index="0" isDefault="true"/>
</SPSSODescriptor>
</EntityDescriptor>
`
}
