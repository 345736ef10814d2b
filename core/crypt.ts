/** Verifies hashes of crypt(3), which came with users of another gateway; each by a thread that is not JavaScript's. */
export interface Crypt {
  /** Whether the password has that hash; false for what is none. Takes as long as the hash asks for: ask `cryptProblem` before. */
  matches(hash: string, password: string): Promise<boolean>
}

/** Rounds of SHA-crypt; 5,000 are usual and take some milliseconds. */
const MOST_ROUNDS = 500_000
/** Exponent of bcrypt, of which each step doubles the time; 12 takes a quarter of a second. */
const MOST_BCRYPT = 13
/** yescrypt's and scrypt's memory as a power of two in blocks: 64 MiB. */
const YESCRYPT = /^\$(?:y|gy)\$j[6-9A-B][5T]\$[./0-9A-Za-z]{0,86}\$[./0-9A-Za-z]{43}$/
const SCRYPT = /^\$7\$[6-9A-C][./0-9A-Za-z]{10}[./0-9A-Za-z]{0,86}\$[./0-9A-Za-z]{43}$/
const CHEAP = [/^\$1\$[^$:\n]{0,8}\$[./0-9A-Za-z]{22}$/, /^[./0-9A-Za-z]{13}$/]
const LONGEST = 256

/** Why a hash is not taken: it is none of crypt(3), or it would take too long to verify. Undefined: it is good. */
export function cryptProblem(hash: string): string | undefined {
  if (hash.length > LONGEST) return 'the hash is too long'
  const sha = /^\$(5|6)\$(?:rounds=(\d{1,9})\$)?[^$:\n]{0,16}\$([./0-9A-Za-z]+)$/.exec(hash)
  if (sha) {
    if (sha[3]?.length !== (sha[1] === '5' ? 43 : 86)) return 'the hash is cut off'
    return Number(sha[2] ?? 5000) > MOST_ROUNDS ? `the hash takes ${sha[2]} rounds; at most ${MOST_ROUNDS} are verified` : undefined
  }
  const bcrypt = /^\$2[abxy]\$(\d\d)\$[./0-9A-Za-z]{53}$/.exec(hash)
  if (bcrypt) return Number(bcrypt[1]) > MOST_BCRYPT ? `the hash has the cost ${bcrypt[1]}; at most ${MOST_BCRYPT} is verified` : undefined
  if ([YESCRYPT, SCRYPT, ...CHEAP].some((pattern) => pattern.test(hash))) return undefined
  return hash === '' || /^[*!x]+$/.test(hash) ? 'there is no password' : 'the hash is of a kind that is not verified, or takes too long'
}
