import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'

/** Bytes of a line: 40 digits, a colon, a count. Longer ones are no such file. */
const LINE = 128
const HASH = /^[0-9A-Fa-f]{40}(?::\d+)?\s*$/

/**
 * Whether the password is in a sorted file of SHA-1 hashes (`HASH` or `HASH:COUNT` on each line, the download of Have I Been
 * Pwned), by binary search on the disk: some 35 small reads in 40 GB. Rejects when it cannot be read or is no such file.
 */
export async function isBreached(file: string, password: string): Promise<boolean> {
  const wanted = createHash('sha1').update(password).digest('hex').toUpperCase()
  const handle = await open(file, 'r')
  try {
    let [low, high] = [0, (await handle.stat()).size]
    // The line that holds the byte `low` is not above the wanted one; that of `high` is above, or the end.
    while (low < high) {
      const line = await lineAt(handle, Math.floor((low + high) / 2))
      const hash = line.text.slice(0, 40).toUpperCase()
      if (hash === wanted) return true
      if (hash < wanted) low = line.end
      else high = line.start
    }
    return false
  } finally {
    await handle.close()
  }
}

/** The line around a byte; `end` is behind its line feed. */
async function lineAt(handle: FileHandle, at: number): Promise<{ readonly text: string; readonly start: number; readonly end: number }> {
  const from = Math.max(0, at - LINE)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2 * LINE), 0, 2 * LINE, from)
  const bytes = buffer.subarray(0, bytesRead)
  const before = at === from ? -1 : bytes.lastIndexOf(0x0a, at - from - 1)
  const after = bytes.indexOf(0x0a, at - from)
  const text = bytes.toString('latin1', before + 1, after < 0 ? bytes.length : after)
  if (!HASH.test(text)) throw new Error('it is no list of SHA-1 hashes, one on each line')
  return { text, start: from + before + 1, end: after < 0 ? from + bytes.length : from + after + 1 }
}
