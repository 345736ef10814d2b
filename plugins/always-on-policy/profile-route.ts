import type { HttpAnswer, HttpRequest, HttpRoute, Sessions } from '../../core/api.ts'
import { PROFILE_PATHS, type Profile } from './profile.ts'
import type { ProfileBook } from './profile-book.ts'

// openconnect, 9.21 too, writes a port other than 443 behind the path (reference/protocol section 12).
const FILE = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})\.xml(?::\d{1,5})?$/
const NOT_FOUND: HttpAnswer = { status: 404, headers: [['Content-Type', 'text/html; charset=utf-8'], ['X-Transcend-Version', '1'], ['Cache-Control', 'no-store']], body: '<html></html>\n' }

/**
 * Serves profiles: to a session the one of its group, to everybody those that are public. Anything else is answered alike,
 * so that a stranger learns no names.
 */
export const profileRoutes = (book: ProfileBook, sessions: Pick<Sessions, 'byCookie'>): readonly HttpRoute[] =>
  PROFILE_PATHS.map((path) => ({
    methods: ['GET', 'HEAD'],
    path,
    prefix: true,
    handle(request): HttpAnswer {
      const name = FILE.exec(request.path.slice(path.length))?.[1]
      const profile = name === undefined ? undefined : book.byName(name)
      if (!profile || !mayRead(profile, request, book, sessions)) return NOT_FOUND
      return { status: 200, headers: [['Content-Type', 'text/xml; charset=utf-8'], ['X-Transcend-Version', '1'], ['Cache-Control', 'no-store'], ['X-Content-Type-Options', 'nosniff']], body: profile.xml }
    },
  }))

function mayRead(profile: Profile, { headers }: HttpRequest, book: ProfileBook, sessions: Pick<Sessions, 'byCookie'>): boolean {
  if (profile.public) return true
  const cookie = /(?:^|;)\s*webvpn=([^;\s]+)/.exec(headers.get('cookie')?.join('; ') ?? '')?.[1]
  const found = cookie === undefined ? undefined : sessions.byCookie(cookie)
  return found !== undefined && 'session' in found && book.byGroup(found.session.group) === profile
}
