import { closeSync, fstatSync, openSync, readSync, constants } from 'node:fs'
import { resolve } from 'node:path'
import { parseScope } from './scope.ts'
import { Secret } from './secret.ts'
import { quote, written } from './written.ts'

/** What the operator has to know of a failed file operation, without the path. */
export function fileProblem(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  const known: Record<string, string> = {
    ENOENT: 'no such file', EACCES: 'permission denied', EPERM: 'permission denied', EISDIR: 'is a directory', ENOTDIR: 'a part of the path is not a folder',
    ELOOP: 'too many symbolic links', ENAMETOOLONG: 'the name is too long', EROFS: 'the file system is read-only', ENOSPC: 'the disk is full',
  }
  return (code !== undefined && known[code]) || code || (error instanceof Error ? error.message : 'cannot be read')
}

/** Why a file cannot be used, without its path. */
export class FileRefusal extends Error {}

/** A whole regular file of at most `maxBytes`, and whether strangers may read it. Never blocks on a FIFO. */
export function readWhole(path: string, maxBytes: number): { readonly bytes: Buffer; readonly open: boolean } {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw new FileRefusal(fileProblem(error), { cause: error })
  }
  try {
    const stat = fstatSync(file)
    if (stat.isDirectory()) throw new FileRefusal('is a directory')
    if (!stat.isFile()) throw new FileRefusal('is not a regular file')
    if (stat.size > maxBytes) throw new FileRefusal(`is ${stat.size} bytes; at most ${maxBytes} are read`)
    const bytes = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (let got = -1; got !== 0 && length < bytes.length; length += got) got = readSync(file, bytes, length, bytes.length - length, null)
    if (length > maxBytes) throw new FileRefusal(`is larger than ${maxBytes} bytes`)
    return { bytes: bytes.subarray(0, length), open: (stat.mode & 0o004) !== 0 }
  } catch (error) {
    throw error instanceof FileRefusal ? error : new FileRefusal(fileProblem(error), { cause: error })
  } finally {
    closeSync(file)
  }
}

const isFileName = (text: string): boolean => text !== '' && text.length <= 4096 && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)

/** A path, made absolute from the directory of the file that names it. The file itself is not touched. */
export const filePath = () =>
  written('a file name', 'tls/key.pem', (text) =>
    isFileName(text) ? { value: resolve(parseScope().directory, text) } : { refusal: `${quote(text)} is not a file name` })

const SECRET_BYTES = 64 * 1024
/** Names a file; the value is its content without the last line end. A file that strangers may read is a warning. */
export const secretFile = () =>
  written('the name of a file', 'radius.secret', (text) => {
    if (!isFileName(text)) return { refusal: `${quote(text)} is not a file name` }
    const scope = parseScope()
    const path = resolve(scope.directory, text)
    try {
      const { bytes, open } = readWhole(path, SECRET_BYTES)
      if (open) scope.warn(`${path} can be read by everybody: chmod 600 it`)
      const value = bytes.toString('utf8').replace(/\r?\n$/, '')
      return value === '' ? { refusal: `${path} is empty` } : { value: new Secret(value) }
    } catch (error) {
      if (error instanceof FileRefusal) return { refusal: `${path}: ${error.message}` }
      throw error
    }
  })
