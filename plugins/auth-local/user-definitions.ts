import type { ColumnDefinition, CommandDefinition, OptionDefinition } from '../../core/api.ts'

const NAME = { name: 'name', description: 'name of the user' }
const VALUES = { name: 'values', description: 'policy of the user: dpd=10s dns=10.0.0.1,10.0.0.2 search+=corp.example', rest: true, optional: true }
const KEYS = { name: 'keys', description: 'policy keys', rest: true }
const GROUP: OptionDefinition = { name: 'group', short: 'g', description: 'group of the user; may be repeated, the first is the one offered', type: 'list', placeholder: 'GROUP' }
const EXPIRES: OptionDefinition = { name: 'expires', description: 'last day of the account (2027-01-31, in UTC), a time (RFC 3339), or none', type: 'text', placeholder: 'DATE' }

const MUST_CHANGE: OptionDefinition = { name: 'must-change', description: 'the first login with it has to replace it', type: 'flag' }

const COLUMNS: readonly ColumnDefinition[] = [
  { key: 'name', title: 'Name' },
  { key: 'groups', title: 'Groups', format: 'list' },
  { key: 'locked', title: 'Locked' },
  { key: 'expiresAt', title: 'Expires', format: 'time' },
  { key: 'createdAt', title: 'Created', format: 'time' },
]

export const USER_COMMANDS: readonly CommandDefinition[] = [
  { path: 'user add', summary: 'Add a user', args: [NAME], options: [GROUP, EXPIRES, MUST_CHANGE], where: 'either', secretFromStdin: 'password-stdin' },
  { path: 'user list', summary: 'List the users', where: 'either', columns: COLUMNS },
  { path: 'user show', summary: 'Show one user', args: [NAME], where: 'either', columns: [...COLUMNS, { key: 'sessions', title: 'Sessions' }] },
  { path: 'user set', summary: 'Change groups, expiry or policy of a user: KEY=VALUE as in the file, lists with commas, KEY+=VALUE appends', args: [NAME, VALUES], options: [GROUP, EXPIRES], where: 'either' },
  { path: 'user unset', summary: 'Take policy values of a user away', args: [NAME, KEYS], where: 'either' },
  { path: 'user passwd', summary: 'Change the password of a user; sessions go on', args: [NAME], options: [MUST_CHANGE], where: 'either', secretFromStdin: 'password-stdin' },
  { path: 'user lock', summary: 'Lock a user out and end the sessions', args: [NAME], where: 'either' },
  { path: 'user unlock', summary: 'Let a locked user in again', args: [NAME], where: 'either' },
  { path: 'user remove', summary: 'Remove a user and end the sessions', args: [NAME], where: 'either', confirm: 'Remove the user and end the sessions?' },
]
