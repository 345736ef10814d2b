import { ResultError, type Connection } from './connection.ts'

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
