/** Releases from which on a default is another one, oldest first. */
export const VERSIONS = ['1.1', '1.2', '1.3', '1.4', '1.4.2', '1.5'] as const
export type Version = (typeof VERSIONS)[number]
export const NEWEST: Version = '1.5'

const numbers = (text: string): number => {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map(Number)
  return (major * 1000 + minor) * 1000 + patch
}

/** `1.1.6` -> `1.1`, the last release named here that is not newer; undefined: none, or no release at all. */
export const versionOf = (text: string): Version | undefined =>
  /^1\.\d{1,2}(?:\.\d{1,2})?$/.test(text) ? VERSIONS.findLast((version) => numbers(version) <= numbers(text)) : undefined

const since = (version: Version, first: Version): boolean => VERSIONS.indexOf(version) >= VERSIONS.indexOf(first)

/**
 * What ocserv does when the file is silent (reference ocserv-conf B.1 to B.6; those of 1.1 as 1.1.6 tells its clients), for
 * the policy whose built-in value here is another or may become so. Written out, so that a later change of our own
 * built-in values changes nothing.
 */
export function defaultsOf(version: Version): readonly (readonly [option: string, value: string])[] {
  return [
    ['cookie-timeout', '300'],
    ['idle-timeout', '0'],
    ['session-timeout', '0'],
    ['keepalive', since(version, '1.2') ? '32400' : '3600'],
    ['dpd', since(version, '1.4.2') ? '90' : '60'],
    ['mobile-dpd', since(version, '1.4.2') ? '1800' : '60'],
    ['rekey-time', since(version, '1.2') ? '172800' : '86400'],
    ['rekey-method', 'ssl'],
    ['mtu', '1500'],
    ['max-same-clients', '0'],
    ['deny-roaming', 'false'],
    ['compression', 'false'],
  ]
}

/** Before 1.5 a virtual host inherited only some of what stands above it. */
export const hostsInheritAll = (version: Version): boolean => since(version, '1.5')
