import type { Policy } from '../../core/api.ts'
import type { Header } from './headers.ts'
import type { ClientFamily } from './user-agent.ts'
import { xml, type XmlNode } from './xml-writer.ts'

type DynamicSplit = Pick<Policy, 'dynamicSplitInclude' | 'dynamicSplitExclude'>

/** Cisco's clients on desktops act by it; on phones it is not for them (reference/cisco section 2.3). */
export const knowsDynamicSplit = ({ kind, mobile }: ClientFamily): boolean => kind === 'cisco' && !mobile

/** The `custom-attr` of `complete` and of `X-CSTP-Post-Auth-XML`: domains with commas between them. Empty: nothing to say. */
export function dynamicSplitNodes({ dynamicSplitInclude, dynamicSplitExclude }: DynamicSplit): readonly XmlNode[] {
  const nodes = ([['dynamic-split-include-domains', dynamicSplitInclude], ['dynamic-split-exclude-domains', dynamicSplitExclude]] as const)
    .flatMap(([name, domains]) => (domains.length === 0 ? [] : [{ markup: `<${name}><![CDATA[${cdata([...new Set(domains)].join(','))}]]></${name}>` }]))
  return nodes.length === 0 ? [] : [xml('custom-attr', {}, ...nodes)]
}

/** One line with a whole document: the copy that is reported to count. */
export function postAuthHeaders(policy: DynamicSplit, family: ClientFamily): readonly Header[] {
  const nodes = knowsDynamicSplit(family) ? dynamicSplitNodes(policy) : []
  if (nodes.length === 0) return []
  const { markup } = xml('config-auth', { client: 'vpn', type: 'complete', 'aggregate-auth-version': '2' }, xml('config', { client: 'vpn', type: 'private' }, xml('opaque', { 'is-for': 'vpn-client' }, ...nodes)))
  return [['X-CSTP-Post-Auth-XML', `<?xml version="1.0" encoding="UTF-8"?>${markup}`]]
}

/** Names of the DNS hold no such thing; whatever else comes here must not end the section. */
const cdata = (text: string): string => text.replaceAll(']]>', '')
