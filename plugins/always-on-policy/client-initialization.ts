import { pinList } from './host-entry.ts'
import type { ProfileConfig, UserControllable } from './profile-config.ts'
import { element, list, parent, type XmlElement } from './xml-element.ts'

const LOGON = { single: 'SingleLogon', 'single-local': 'SingleLocalLogon', 'single-no-remote': 'SingleLogonNoRemote' } as const
const STORE = { all: 'All', machine: 'Machine', user: 'User' } as const
const STORE_MAC = { all: 'All', system: 'System', login: 'Login' } as const
const PROXY = { native: 'Native', ignore: 'IgnoreProxy' } as const
const PROTOCOL = { ipv4: 'IPv4', ipv6: 'IPv6' } as const
const INSIDE = { disconnect: 'Disconnect', connect: 'Connect', pause: 'Pause', 'do-nothing': 'DoNothing' } as const
const OUTSIDE = { connect: 'Connect', 'do-nothing': 'DoNothing' } as const
const FAILURE = { closed: 'Closed', open: 'Open' } as const

/**
 * Elements of ClientInitialization in the order of Cisco's schema (reference/cisco section 6). What the file does not set
 * is left to the client's own default, but for four: reconnecting after sleep, remote users twice, time for a login.
 */
export function clientInitialization(profile: ProfileConfig): XmlElement {
  const may = profile['user-may-change']
  const attributes = (key: UserControllable): Readonly<Record<string, string>> => ({ UserControllable: String(may.includes(key)) })
  /** `standard`: the client's default, written when nothing but the right to change it was given. */
  const choice = (name: string, key: UserControllable, value: boolean | undefined, standard: boolean): readonly XmlElement[] =>
    value === undefined && !may.includes(key) ? [] : [{ name, attributes: attributes(key), text: String(value ?? standard) }]
  const flag = (name: string, value: boolean | undefined): readonly XmlElement[] => (value === undefined ? [] : [element(name, String(value))])
  const word = <K extends string>(name: string, words: Readonly<Record<K, string>>, value: K | undefined): readonly XmlElement[] => (value === undefined ? [] : [element(name, words[value])])
  const users = (allowed: boolean): string => (allowed ? 'AllowRemoteUsers' : 'LocalUsersOnly')
  const detection = profile['captive-portal-detection']
  return parent('ClientInitialization', [
    ...choice('UseStartBeforeLogon', 'start-before-logon', profile['start-before-logon'], false),
    ...choice('AutomaticCertSelection', 'automatic-certificate', profile['automatic-certificate'], true),
    ...flag('ShowPreConnectMessage', profile['pre-connect-message']),
    ...word('CertificateStore', STORE, profile['certificate-store']),
    ...word('CertificateStoreMac', STORE_MAC, profile['certificate-store-mac']),
    ...flag('CertificateStoreOverride', profile['certificate-store-override']),
    ...word('ProxySettings', PROXY, profile.proxy),
    ...flag('AllowLocalProxyConnections', profile['allow-local-proxy']),
    ...choice('AutoConnectOnStart', 'auto-connect', profile['auto-connect'], false),
    ...choice('MinimizeOnConnect', 'minimize', profile.minimize, true),
    ...choice('LocalLanAccess', 'local-lan', profile['local-lan'], false),
    ...choice('DisableCaptivePortalDetection', 'captive-portal-detection', detection === undefined ? undefined : !detection, false),
    autoReconnect(profile['auto-reconnect'], attributes('auto-reconnect')),
    ...flag('SuspendOnConnectedStandby', profile['suspend-on-standby']),
    ...choice('AutoUpdate', 'auto-update', profile['auto-update'], true),
    ...word('WindowsLogonEnforcement', LOGON, profile['windows-logon']),
    ...word('LinuxLogonEnforcement', LOGON, profile['linux-logon']),
    element('WindowsVPNEstablishment', users(profile['windows-remote-users'])),
    element('LinuxVPNEstablishment', users(profile['linux-remote-users'])),
    ...retain(profile['retain-on-logoff']),
    ...automaticPolicy(profile),
    ...(hasPins(profile) ? [element('CertificatePinning', 'true', pinList(profile.pins))] : []),
    ...list('BackupServerList', profile.backup.map(({ text }) => element('HostAddress', text))),
    ...choice('EnableAutomaticServerSelection', 'server-selection', profile['server-selection'], false),
    element('AuthenticationTimeout', String(profile['authentication-timeout'])),
    ...choice('ClearSmartcardPin', 'clear-smartcard-pin', profile['clear-smartcard-pin'], true),
    ...(profile['ip-protocols'] ? [element('IPProtocolSupport', profile['ip-protocols'].map((protocol) => PROTOCOL[protocol]).join(','))] : []),
    ...flag('CaptivePortalRemediationBrowserFailover', profile['captive-portal-browser']),
    ...flag('AllowManualHostInput', profile['manual-host-input']),
  ])
}

const hasPins = ({ pins, servers }: ProfileConfig): boolean => pins.length > 0 || servers.some((server) => server.pins.length > 0)

// A child may not be open to the user where its parent is not, so both say the same.
function autoReconnect(behaviour: ProfileConfig['auto-reconnect'], attributes: Readonly<Record<string, string>>): XmlElement {
  if (behaviour === 'off') return { name: 'AutoReconnect', attributes, text: 'false' }
  const text = behaviour === 'reconnect-after-resume' ? 'ReconnectAfterResume' : 'DisconnectOnSuspend'
  return { name: 'AutoReconnect', attributes, text: 'true', children: [{ name: 'AutoReconnectBehavior', attributes, text }] }
}

function retain(who: ProfileConfig['retain-on-logoff']): readonly XmlElement[] {
  if (who === undefined) return []
  if (who === 'off') return [element('RetainVpnOnLogoff', 'false')]
  return [element('RetainVpnOnLogoff', 'true', [element('UserEnforcement', who === 'same-user' ? 'SameUserOnly' : 'AnyUser')])]
}

function automaticPolicy(profile: ProfileConfig): readonly XmlElement[] {
  const trusted = profile['trusted-networks']
  if (trusted === undefined && !profile['always-on']) return []
  const { domains = [], 'dns-servers': servers = [], https = [], inside = 'disconnect', outside = 'connect' } = trusted ?? {}
  const bypass = profile['bypass-after-timeout']
  return [
    element('AutomaticVPNPolicy', 'true', [
      ...(domains.length === 0 ? [] : [element('TrustedDNSDomains', domains.join(','))]),
      ...(servers.length === 0 ? [] : [element('TrustedDNSServers', servers.join(','))]),
      ...list('TrustedHttpsServerList', https.map(trustedServer)),
      element('TrustedNetworkPolicy', INSIDE[inside]),
      element('UntrustedNetworkPolicy', OUTSIDE[outside]),
      ...(bypass === undefined ? [] : [element('BypassConnectUponSessionTimeout', String(bypass))]),
      ...(profile['always-on'] ? [alwaysOn(profile)] : []),
    ]),
  ]
}

function trustedServer({ address, 'certificate-sha256': hash }: NonNullable<ProfileConfig['trusted-networks']>['https'][number]): XmlElement {
  const port = address.text === address.host ? '443' : (address.text.split(':').at(-1) ?? '443')
  return parent('TrustedHttpsServer', [element('Address', address.host), element('Port', port), element('CertificateHash', hash)])
}

function alwaysOn(profile: ProfileConfig): XmlElement {
  const portal = profile['captive-portal']
  const rules = profile['last-local-rules']
  const disconnect = profile['allow-disconnect']
  return element('AlwaysOn', 'true', [
    element('ConnectFailurePolicy', FAILURE[profile['connect-failure'] ?? 'closed'], [
      ...(portal === undefined ? [] : [element('AllowCaptivePortalRemediation', 'true', [element('CaptivePortalRemediationTimeout', String(portal / 60))])]),
      ...(rules === undefined ? [] : [element('ApplyLastVPNLocalResourceRules', String(rules))]),
    ]),
    ...(disconnect === undefined ? [] : [element('AllowVPNDisconnect', String(disconnect))]),
    ...(profile['allowed-hosts'] === undefined ? [] : [element('AllowedHosts', profile['allowed-hosts'].join(','))]),
  ])
}
