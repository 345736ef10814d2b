/** What has to be known of a client beyond what it sends in the protocol. */
export interface ClientFamily {
  /** `cisco`: takes IPv6 resolvers only in a header of their own. */
  readonly kind: 'cisco' | 'openconnect' | 'other'
  /** iPhone and iPad: need a split include instead of an IPv6 default route. */
  readonly ios: boolean
  readonly mobile: boolean
}

/** reference/protocol section 2.1, reference/cisco section 1. */
export function clientFamily(userAgent: string, platform?: string): ClientFamily {
  const kind = /open\s?connect|^Open AnyConnect/i.test(userAgent) ? 'openconnect' : /^(Cisco |AnyConnect)/.test(userAgent) ? 'cisco' : 'other'
  const ios = /AppleSSLVPN|Apple iP(hone|ad|od)|\((iPhone|iPad|iPod)\)/.test(userAgent) || platform === 'apple-ios'
  const android = /\bAndroid\b/i.test(userAgent) || platform === 'android'
  return { kind, ios, mobile: ios || android }
}

/** At most 256 printable characters, fit for logs and listings. */
export const printable = (text: string, limit = 256): string => text.replace(/[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]/g, '?').slice(0, limit)
