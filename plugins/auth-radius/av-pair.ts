import { readRoute } from './route.ts'

/** What the Cisco-AVPairs say that are understood. */
export interface AvPairs {
  readonly splitInclude: readonly string[]
  readonly splitExclude: readonly string[]
  readonly dns: readonly string[]
  readonly nbns: readonly string[]
  readonly splitDns: readonly string[]
  readonly banner: readonly string[]
  readonly defaultDomain: string | undefined
}
/** An access list that is passed over opens what it should close. */
const ACCESS_LISTS = ['ip:inacl', 'ip:outacl', 'webvpn:inacl', 'acs:ciscosecure-defined-acl']

/** `protocol:attribute=value`, `*` instead of `=` for what may be left out, `#N` behind the attribute as a number in a list. */
export function readAvPair(pairs: readonly string[], refuse: (name: string, problem: string) => undefined): AvPairs {
  const known = pairs.flatMap((text) => {
    const match = /^([\w-]{1,30}:[\w-]{1,60})(?:#\d{1,9})?[=*](.*)$/s.exec(text)
    return match ? [{ key: (match[1] ?? '').toLowerCase(), value: (match[2] ?? '').trim() }] : []
  })
  for (const { key } of known) if (ACCESS_LISTS.includes(key)) refuse('Cisco-AVPair', `${key} is not understood: give allow and deny to a group`)
  const all = (...keys: readonly string[]): readonly string[] => known.filter(({ key }) => keys.includes(key)).map(({ value }) => value)
  const words = (...keys: readonly string[]): readonly string[] => all(...keys).flatMap((value) => value.split(/[\s,]+/)).filter((word) => word !== '')
  const routes = (...keys: readonly string[]): readonly string[] => all(...keys).flatMap((value) => readRoute(value) ?? refuse('Cisco-AVPair', `${keys[0] ?? ''} is not a route`) ?? [])
  return {
    splitInclude: routes('ip:route', 'webvpn:split-include', 'webvpn:svc-split-include'),
    splitExclude: routes('webvpn:split-exclude', 'webvpn:svc-split-exclude'),
    dns: words('ip:dns-servers', 'webvpn:dns-servers'),
    nbns: words('ip:wins-servers', 'webvpn:wins-servers'),
    splitDns: words('webvpn:split-dns'),
    banner: all('webvpn:banner'),
    defaultDomain: all('webvpn:default-domain', 'ip:default-domain')[0],
  }
}
