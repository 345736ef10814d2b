import type { AuthContext, GatewayConfig } from '../../core/api.ts'
import { attribute } from './attributes.ts'
import type { Attribute } from './packet.ts'

/** Values of RFC 2865 sections 5.6 and 5.41. */
const FRAMED = 2
const VIRTUAL = 5
const MAX_TEXT = 240

/** At most 240 bytes of UTF-8 without what a terminal acts upon. */
function bounded(text: string): string {
  let whole = text.replace(/\p{C}/gu, '').slice(0, MAX_TEXT)
  while (Buffer.byteLength(whole) > MAX_TEXT) whole = whole.slice(0, -1)
  return whole
}

/** Who asks: in every request, of accounting too. */
export function nasAttributes(gateway: GatewayConfig['gateway'], identifier: string): readonly Attribute[] {
  const own = gateway.listen.find(({ address }) => !address.includes(':') && address !== '0.0.0.0')
  return [
    attribute('NAS-Identifier', bounded(identifier === '' ? gateway.name : identifier)),
    ...(own ? [attribute('NAS-IP-Address', own.address)] : []),
    attribute('NAS-Port-Type', VIRTUAL),
    attribute('Service-Type', FRAMED),
  ]
}

/** Who logs in, from where, with what; the platform in the pairs that Cisco's own gateways send. */
export function clientAttributes(context: AuthContext, gatewayName: string): readonly Attribute[] {
  const pair = (name: string, value: string | undefined): readonly Attribute[] => (value ? [attribute('Cisco-AVPair', `mdm-tlv=${name}=${bounded(value).slice(0, 100)}`)] : [])
  return [
    attribute('Calling-Station-Id', bounded(context.peer)),
    attribute('Called-Station-Id', bounded(context.host ?? gatewayName)),
    ...(context.userAgent === '' ? [] : [attribute('Connect-Info', bounded(context.userAgent))]),
    attribute('ASA-Tunnel-Group-Name', bounded(context.group)),
    ...pair('device-platform', context.platform),
    ...pair('device-uid', context.uniqueId),
  ]
}
