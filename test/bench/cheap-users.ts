import { join } from 'node:path'
import { hash } from '@node-rs/argon2'
import Database from 'better-sqlite3'
import type { Gateway } from '../lab/gateway.ts'

/**
 * Users whose password hash costs almost nothing, straight into the store of a gateway that does not run: the bench
 * measures logins, not argon2. The first user goes in by the command, which makes the tables; the others copy its row.
 */
export async function addCheapUsers(gateway: Gateway, names: readonly string[], password: string): Promise<void> {
  const [first, ...others] = names
  if (first === undefined) return
  await gateway.addUser(first, password)
  const cheap = await hash(password, { memoryCost: 8, timeCost: 1, parallelism: 1 })
  const db = new Database(join(gateway.dataFolder, 'postern.db'))
  try {
    db.prepare('UPDATE users SET password = ?').run(cheap)
    const copy = db.prepare('INSERT INTO users (name, password, locked, expires_at, created_at) SELECT ?, password, locked, expires_at, created_at FROM users WHERE name = ?')
    db.transaction(() => others.forEach((name) => copy.run(name, first)))()
  } finally {
    db.close()
  }
}
