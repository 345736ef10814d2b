import type { EndCause } from './session.ts'

/** What the client is told with DISCONNECT when nobody said anything better. */
export const END_TEXTS: Readonly<Record<EndCause, string>> = {
  user: 'You have logged out.',
  admin: 'The administrator has ended your session.',
  'disconnected-timeout': 'The session has ended: it was disconnected for too long.',
  'session-timeout': 'The session has reached its maximum length. Please log in again.',
  'idle-timeout': 'The session has ended: it was idle for too long.',
  superseded: 'A newer session of this device has taken over.',
  'user-removed': 'Your account has been removed.',
  'user-locked': 'Your account has been locked.',
  'user-expired': 'Your account has expired.',
  'login-unused': 'The login was not used in time.',
  'lease-lost': 'The address of this session is no longer available.',
}
