import type { CommandDefinition } from '../../core/api.ts'

const USER = { name: 'user', description: 'name of the user' }

export const CERT_COMMANDS: readonly CommandDefinition[] = [
  {
    path: 'cert issue', summary: 'Issue a certificate of the gateway\'s own authority to a user, as a .p12 file with its key', args: [USER], where: 'either', secretFromStdin: 'password-stdin', secretOptional: true,
    options: [
      { name: 'days', description: 'how long it is valid; a year when absent', type: 'number', placeholder: 'DAYS' },
      { name: 'out', description: 'whole path of the file; below the data directory when absent', type: 'text', placeholder: 'FILE' },
    ],
  },
  {
    path: 'cert list', summary: 'List the certificates that were issued and those that are pinned', where: 'either',
    columns: [
      { key: 'user', title: 'User' }, { key: 'kind', title: 'Kind' }, { key: 'state', title: 'State' }, { key: 'expiresAt', title: 'Expires', format: 'time' },
      { key: 'revokedAt', title: 'Revoked', format: 'time' }, { key: 'createdAt', title: 'Made', format: 'time' }, { key: 'id', title: 'Serial number or fingerprint' },
    ],
  },
  { path: 'cert revoke', summary: 'Revoke a certificate by its serial number, or all of a user, and end the user\'s sessions', args: [{ name: 'name', description: 'serial number, or name of a user' }], where: 'either', confirm: 'Revoke the certificate and end the sessions of its user?' },
  {
    path: 'cert pin', summary: 'Let a certificate log in as a user, whoever has issued it; no other certificate is the user then', args: [USER, { name: 'file', description: 'PEM, its whole path', optional: true }], where: 'either',
    options: [{ name: 'fingerprint', description: 'SHA-256 instead of the file, 64 hex digits', type: 'text', placeholder: 'HEX' }],
  },
  { path: 'cert unpin', summary: 'Take a pinned certificate back', args: [{ name: 'fingerprint', description: 'SHA-256, 64 hex digits' }], where: 'either' },
]
