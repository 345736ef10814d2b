import { GatewayError, type Store, type WrittenPolicy } from '../../core/api.ts'
import type { User } from './user.ts'

interface UserRow {
  name: string
  password: string
  locked: number
  expires_at: number | null
  created_at: number
  password_at: number | null
  must_change: number
}

export interface Credentials {
  readonly user: User
  /** Goes nowhere but to the verification. */
  readonly hash: string
  /** When the password was set, wall clock, ms. */
  readonly setAt: number
  /** The next login has to replace it. */
  readonly mustChange: boolean
}

/** The rows of the users and of their groups. */
export class UserTable {
  /** Another one after every write: what was read before may have changed. */
  version = 0

  constructor(private readonly store: Store) {}

  get(name: string): User | undefined {
    return this.credentials(name)?.user
  }

  credentials(name: string): Credentials | undefined {
    return this.store.read((db) => {
      const rows = db
        .prepare('SELECT users.*, group_name FROM users LEFT JOIN user_groups ON user = name WHERE name = ? ORDER BY position')
        .all(name) as (UserRow & { group_name: string | null })[]
      const [row] = rows
      return row && { user: userOf(row, rows.flatMap(({ group_name }) => group_name ?? [])), hash: row.password, setAt: row.password_at ?? row.created_at, mustChange: row.must_change !== 0 }
    })
  }

  list(): readonly User[] {
    return this.store.read((db) => {
      const groups = new Map<string, string[]>()
      const memberships = db.prepare('SELECT user, group_name FROM user_groups ORDER BY user, position').all() as { user: string; group_name: string }[]
      for (const { user, group_name } of memberships) {
        const key = user.toLowerCase()
        groups.set(key, [...(groups.get(key) ?? []), group_name])
      }
      const rows = db.prepare('SELECT * FROM users ORDER BY name').all() as UserRow[]
      return rows.map((row) => userOf(row, groups.get(row.name.toLowerCase()) ?? []))
    })
  }

  groups(name: string): readonly string[] {
    return this.store.read((db) => {
      const rows = db.prepare('SELECT group_name FROM user_groups WHERE user = ? ORDER BY position').all(name) as { group_name: string }[]
      return rows.map((row) => row.group_name)
    })
  }

  /** Names of the users whose account ended at or before `now`. */
  expired(now: number): readonly string[] {
    return this.store.read((db) => {
      const rows = db.prepare('SELECT name FROM users WHERE expires_at <= ?').all(now) as { name: string }[]
      return rows.map((row) => row.name)
    })
  }

  /** Throws `USER_EXISTS`. */
  insert(user: User, hash: string, mustChange = false): void {
    this.write((db) => {
      const taken = this.get(user.name)
      if (taken) throw new GatewayError('USER_EXISTS', `the user ${taken.name} exists already`)
      db.prepare('INSERT INTO users (name, password, locked, expires_at, created_at, must_change) VALUES (?, ?, ?, ?, ?, ?)')
        .run(user.name, hash, user.locked ? 1 : 0, user.expiresAt ?? null, user.createdAt, mustChange ? 1 : 0)
      this.setGroups(user.name, user.groups)
    })
  }

  setGroups(name: string, groups: readonly string[]): void {
    this.write((db) => {
      db.prepare('DELETE FROM user_groups WHERE user = ?').run(name)
      const add = db.prepare('INSERT INTO user_groups (user, position, group_name) VALUES (?, ?, ?)')
      groups.forEach((group, position) => add.run(name, position, group))
    })
  }

  /** The user's own layer of policy as it was written; empty: none. */
  policy(name: string): WrittenPolicy {
    const json = this.store.read((db) => db.prepare('SELECT json FROM user_policy WHERE user = ?').pluck().get(name) as string | undefined)
    return json === undefined ? {} : (JSON.parse(json) as WrittenPolicy)
  }

  /** Of everybody who has one, by the name of the user. */
  policies(): readonly { readonly name: string; readonly policy: WrittenPolicy }[] {
    const rows = this.store.read((db) => db.prepare('SELECT name, json FROM user_policy JOIN users ON user = name').all() as { name: string; json: string }[])
    return rows.map(({ name, json }) => ({ name, policy: JSON.parse(json) as WrittenPolicy }))
  }

  setPolicy(name: string, policy: WrittenPolicy): void {
    this.write((db) => {
      if (Object.keys(policy).length === 0) db.prepare('DELETE FROM user_policy WHERE user = ?').run(name)
      else db.prepare('INSERT OR REPLACE INTO user_policy (user, json) VALUES (?, ?)').run(name, JSON.stringify(policy))
    })
  }

  setHash(name: string, hash: string, setAt: number, mustChange = false): void {
    this.write((db) => db.prepare('UPDATE users SET password = ?, password_at = ?, must_change = ? WHERE name = ?').run(hash, setAt, mustChange ? 1 : 0, name))
  }

  /** By the user, who has proved `former`; whether it still was the password. */
  changeOwnHash(name: string, former: string, hash: string, setAt: number): boolean {
    this.version++
    return this.store.write((db) => db.prepare('UPDATE users SET password = ?, password_at = ?, must_change = 0 WHERE name = ? AND password = ?').run(hash, setAt, name, former).changes > 0)
  }

  /** Unless the password has changed since `former` was read; whether it was done. */
  replaceHash(name: string, former: string, hash: string): boolean {
    this.version++
    return this.store.write((db) => db.prepare('UPDATE users SET password = ? WHERE name = ? AND password = ?').run(hash, name, former).changes > 0)
  }

  setLocked(name: string, locked: boolean): void {
    this.write((db) => db.prepare('UPDATE users SET locked = ? WHERE name = ?').run(locked ? 1 : 0, name))
  }

  setExpiry(name: string, expiresAt: number | undefined): void {
    this.write((db) => db.prepare('UPDATE users SET expires_at = ? WHERE name = ?').run(expiresAt ?? null, name))
  }

  remove(name: string): void {
    this.write((db) => {
      db.prepare('DELETE FROM user_groups WHERE user = ?').run(name)
      db.prepare('DELETE FROM user_policy WHERE user = ?').run(name)
      db.prepare('DELETE FROM users WHERE name = ?').run(name)
    })
  }

  private write(fn: Parameters<Store['write']>[0]): void {
    this.version++
    this.store.write(fn)
  }
}

const userOf = (row: UserRow, groups: readonly string[]): User => ({
  name: row.name,
  groups,
  locked: row.locked !== 0,
  expiresAt: row.expires_at ?? undefined,
  createdAt: row.created_at,
})
