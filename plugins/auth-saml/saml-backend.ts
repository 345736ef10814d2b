import { p256Key, PeerError, type AuthBackend, type AuthContext, type AuthForm, type AuthStep, type Clock } from '../../core/api.ts'
import { shownCode } from './base62.ts'
import type { AuthSamlConfig } from './config.ts'
import type { Mode, PendingLogin, PendingLogins } from './pending-logins.ts'
import type { SpUrls } from './sp-urls.ts'

export interface SamlBackendParts {
  readonly clock: Clock
  readonly logins: PendingLogins
  readonly config: () => AuthSamlConfig
  readonly urls: (host: string | undefined) => SpUrls
  /** Whether the identity provider is known now. */
  readonly ready: () => boolean
}

export const TOKEN_COOKIE = 'acSamlv2Token'
export const ERROR_COOKIE = 'acSamlv2Error'

/** Phones and tablets: another app cannot hand anything over on localhost while the client sleeps (reference/cisco section 4). */
const MOBILE = /^(?:apple-ios|android)|iphone|ipad/i

/** The `saml` step of a login: a browser goes to the identity provider, the client brings a token of ours that proves it. */
export class SamlBackend implements AuthBackend {
  readonly name = 'saml'
  constructor(private readonly parts: SamlBackendParts) {}

  suits(context: AuthContext): boolean {
    return modeFor(context, this.parts.config()) !== undefined
  }

  begin(context: AuthContext): AuthStep {
    const { logins, ready, urls, config } = this.parts
    const mode = modeFor(context, config())
    if (mode === undefined) return { kind: 'refused', reason: 'unavailable', detail: 'the client has no browser' }
    if (!ready()) return { kind: 'refused', reason: 'unavailable', detail: 'the identity provider is not known' }
    const login = logins.open(mode, urls(context.host), context)
    const answer = (values: ReadonlyMap<string, string>): Promise<AuthStep> => Promise.resolve(this.answered(login, values, form, answer))
    const form = mode === 'code' ? codeForm(login) : browserForm(login, mode)
    return { kind: 'form', form, answer }
  }

  private answered(login: PendingLogin, values: ReadonlyMap<string, string>, form: AuthForm, answer: (values: ReadonlyMap<string, string>) => Promise<AuthStep>): AuthStep {
    const { clock, logins } = this.parts
    if (login.mode === 'code' && !login.done) return { kind: 'form', form: { ...form, message: `The login in the browser is not finished. ${form.message}` }, answer }
    const identity = login.redeem(values.get('sso-token') ?? '', clock.monotonic())
    logins.drop(login)
    if (!identity) return { kind: 'refused', reason: 'wrong-credentials', detail: 'the token of the browser is wrong or too old' }
    if (login.context.decoy) return { kind: 'refused', reason: 'wrong-credentials' }
    return { kind: 'identity', identity }
  }
}

/** How this client can take a login in a browser (reference/protocol section 4); undefined: not at all. */
export function modeFor(context: Pick<AuthContext, 'capabilities' | 'strapDhKey' | 'platform' | 'userAgent'>, config: Pick<AuthSamlConfig, 'browser' | 'without-browser'>): Mode | undefined {
  if (config.browser === 'code') return 'code'
  const { capabilities, strapDhKey, platform, userAgent } = context
  const external = capabilities.includes('single-sign-on-external-browser') && strapDhKey !== undefined && isP256(strapDhKey) && !MOBILE.test(platform ?? '') && !MOBILE.test(userAgent)
  const embedded = capabilities.includes('single-sign-on-v2')
  if (config.browser !== 'embedded' && external) return 'external'
  if (embedded) return 'embedded'
  return config['without-browser'] === 'code' ? 'code' : undefined
}

function isP256(key: Uint8Array): boolean {
  try {
    p256Key(key)
    return true
  } catch (error) {
    if (error instanceof PeerError) return false
    throw error
  }
}

const browserForm = ({ id, urls }: PendingLogin, mode: 'embedded' | 'external'): AuthForm => ({
  id: 'main',
  message: 'Please complete the authentication process in the AnyConnect Login window.',
  fields: [{ kind: 'sso', name: 'sso-token', label: '' }],
  browser: { url: `${urls.login}?ctx=${id}&acsamlcap=v2`, finalUrl: urls.final, tokenCookie: TOKEN_COOKIE, errorCookie: ERROR_COOKIE, mode },
})

const codeForm = ({ code, urls }: PendingLogin): AuthForm => ({
  id: 'main',
  message: `Open ${urls.code} in a browser and enter the code ${shownCode(code ?? '')}. Log in there, then press Enter here.`,
  fields: [{ kind: 'text', name: 'answer', label: 'Press Enter when you have logged in:' }],
})
