import { ResultError, type Connection, type Entry } from './connection.ts'

/** The capability by which Active Directory is known (MS-ADTS 3.1.1.3.4.3). */
const CAPABILITY = '1.2.840.113556.1.4.800'

/** What the root of the directory says, which everybody may read. Throws ServerFault. */
export async function isActiveDirectory(connection: Pick<Connection, 'search'>): Promise<boolean> {
  try {
    const [root] = await connection.search('', { scope: 'base', filter: '(objectClass=*)', attributes: ['supportedCapabilities'], limit: 1 })
    return root?.values('supportedCapabilities').includes(CAPABILITY) ?? false
  } catch (error) {
    if (error instanceof ResultError) return false
    throw error
  }
}

/**
 * The SID of the account's primary group, which is in no list of members: the account's own, with the id of the group at its end (MS-DTYP section
 * 2.4.2). undefined for an entry of another directory.
 */
export function primaryGroupSid(entry: Pick<Entry, 'values' | 'bytes'>): string | undefined {
  const [sid] = entry.bytes('objectSid')
  const id = entry.values('primaryGroupID')[0] ?? ''
  const parts = sid?.[1] ?? 0
  if (!sid || sid[0] !== 1 || parts < 1 || sid.length !== 8 + 4 * parts || !/^\d{1,10}$/.test(id)) return undefined
  const domain = Array.from({ length: parts - 1 }, (_, at) => sid.readUInt32LE(8 + 4 * at))
  return ['S', 1, sid.readUIntBE(2, 6), ...domain, Number(id)].join('-')
}

/** Its name; undefined where the gateway cannot see it. Throws ServerFault. */
export async function primaryGroup(connection: Pick<Connection, 'search'>, entry: Entry): Promise<string | undefined> {
  const sid = primaryGroupSid(entry)
  if (sid === undefined) return undefined
  try {
    // MS-ADTS section 3.1.1.3.1.2.4: another way to name an object, wherever it is.
    return (await connection.search(`<SID=${sid}>`, { scope: 'base', filter: '(objectClass=*)', attributes: ['1.1'], limit: 1 }))[0]?.dn
  } catch (error) {
    if (error instanceof ResultError) return undefined
    throw error
  }
}
