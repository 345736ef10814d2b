import type { Pin } from './pin.ts'
import type { ServerConfig } from './profile-config.ts'
import { element, list, parent, type XmlElement } from './xml-element.ts'

const CERTIFICATE = { auto: 'Auto', manual: 'Manual', none: 'None' } as const

/** One server of the list; its children in the order of Cisco's schema (reference/cisco section 6). */
export const hostEntry = (server: ServerConfig): XmlElement =>
  parent('HostEntry', [
    element('HostName', server.name),
    element('HostAddress', server.address.text),
    ...(server.group === undefined ? [] : [element('UserGroup', server.group)]),
    ...list('BackupServerList', server.backup.map(({ text }) => element('HostAddress', text))),
    ...list('LoadBalancingServerList', server['load-balancing'].map(({ text }) => element('HostAddress', text))),
    ...list('MobileHostEntryInfo', mobile(server)),
    element('PrimaryProtocol', 'SSL'),
    ...pinList(server.pins),
  ])

// iPhone, iPad and Android read these; the others pass over them.
function mobile(server: ServerConfig): readonly XmlElement[] {
  const { 'network-roaming': roaming, 'certificate-policy': policy, 'on-demand-connect': connect, 'on-demand-never': never } = server
  const onDemand = connect.length + never.length > 0
  const domains = (names: readonly string[]): readonly XmlElement[] => names.map((name) => element('OnDemandDNSMatch', name))
  return [
    ...(roaming === undefined ? [] : [element('NetworkRoaming', String(roaming))]),
    ...(policy === undefined ? [] : [element('CertificatePolicy', CERTIFICATE[policy])]),
    ...(onDemand ? [element('ConnectOnDemand', 'true')] : []),
    ...list('NeverConnectDomainList', domains(never)),
    ...list('ConnectIfNeededDomainList', domains(connect)),
  ]
}

export const pinList = (pins: readonly Pin[]): readonly XmlElement[] =>
  list('CertificatePinList', pins.map(({ subject, issuer, sha512 }) => ({ name: 'Pin', attributes: { Subject: subject, Issuer: issuer }, text: sha512 })))
