import { createHash, randomBytes } from 'node:crypto'
import { answerTo, readAuthForm, type AuthForm } from './auth-form.ts'
import type { CiscoClientKind } from './clients.ts'
import { connectProblems } from './connect-check.ts'
import { CstpChannel, FRAME_TYPE, icmpEcho } from './cstp-channel.ts'
import { dtlsProblems, STABLE_DTLS, type CiscoDtls, type DialDtls } from './dtls-step.ts'
import { exchange, headerOf, headersOf, type HeaderLine, type HttpAnswer } from './http-exchange.ts'
import type { Dial, Wire } from './wire.ts'

export interface CiscoScriptOptions {
  readonly dial: Dial
  /** Name and port as in the Host header. */
  readonly host: string
  readonly kind: CiscoClientKind
  readonly user: string
  readonly password: string
  /** IPv4 address in the tunnel that answers a ping; absent: the packet is sent and no answer awaited. */
  readonly pingTarget?: string
  /** Opens DTLS; absent: the gateway has TLS alone. */
  readonly dialDtls?: DialDtls
  /** Expected where the wire has no TLS. */
  readonly leafSha1?: string
  /** The group that it logs in to by a URL, as a profile's UserGroup makes it. */
  readonly group?: string
  /** What is typed into the forms behind name and password, in order: codes, answers, new passwords. */
  readonly answers?: readonly string[]
  /** The folder of profiles: file name to content. */
  readonly profiles?: Map<string, string>
}

export interface Tunnel {
  readonly channel: CstpChannel
  readonly answer: HttpAnswer
  readonly ipv4: string
  /** What this CONNECT sent. */
  readonly masterSecret: Buffer
}

const must = (condition: boolean, what: string): void => {
  if (!condition) throw new Error(what)
}

/**
 * A Cisco client as far as public evidence shows it (reference/cisco section 9): it sends what they send and gives up where
 * they give up. `run` plays a whole life; the steps can be called alone.
 */
export class CiscoClient {
  private readonly cookies = new Map<string, string>()
  private wire: Wire | undefined
  private leafSha1: string | undefined
  /** Of the last login. */
  private manifest: { readonly uri: string; readonly hash: string } | undefined
  /** Profiles that were fetched, by their paths. */
  readonly fetched: string[] = []
  /** Forms behind name and password of the logins, in order. */
  readonly forms: AuthForm[] = []

  constructor(private readonly options: CiscoScriptOptions) {}

  /** Login, downloader, tunnel, ping, DTLS, BYE 91, the same addresses and DTLS values again, DTLS, BYE b0, logout, dead cookie. */
  async run(): Promise<void> {
    const token = await this.login()
    await this.download()
    await this.synchronizeProfile(token)
    const first = await this.connect(token)
    await this.ping(first, 1)
    const udp = await this.dtls(first, false)
    first.channel.bye(0x91, 'Reconnecting the VPN tunnel')
    const second = await this.connect(token)
    udp?.close()
    for (const name of ['X-CSTP-Address', 'X-CSTP-Netmask', 'X-CSTP-Address-IP6', ...STABLE_DTLS]) {
      must(headerOf(first.answer, name) === headerOf(second.answer, name), `${name} changed at the reconnect`)
    }
    await this.ping(second, 2)
    const again = await this.dtls(second, true)
    again?.close()
    second.channel.bye(0xb0, 'Disconnect requested by user')
    await this.logout(token)
    await this.refused(token)
    this.close()
  }

  /** Steps 2 to 4. Gives the session token. */
  async login(): Promise<string> {
    const { kind, user, password } = this.options
    const stale = kind.staleGroup === undefined ? '' : `<group-select>${kind.staleGroup}</group-select>`
    const path = `/${this.options.group ?? ''}`
    let form = await this.post(path, this.document('init', `${kind.device}${stale}<group-access>https://${this.options.host}${path}</group-access>`))
    must(headerOf(form, 'X-Transcend-Version') === '1', 'Non-Cisco gateway detected')
    must(headerOf(form, 'X-Aggregate-Auth') !== undefined, 'no X-Aggregate-Auth: the client would go on with form bodies')
    must(/type="auth-request"/.test(form.body), 'no auth-request')
    form = await this.post(actionOf(form), this.reply(form, { username: '' }))
    must(!/<error /.test(form.body), 'the empty user name was counted as a failure')
    this.forms.length = 0
    const done = await this.further(await this.post(actionOf(form), this.reply(form, { username: user, password })))
    must(/type="complete"/.test(done.body) && /<auth id="success">/.test(done.body), `no complete: ${done.body}`)
    must(/<config client="vpn" type="private">/.test(done.body), 'Received xml COMPLETE with no <config> element')
    const token = /<session-token>([^<]+)<\/session-token>/.exec(done.body)?.[1] ?? ''
    must(token !== '', 'no session-token')
    must(this.cookies.get('webvpn') === token, 'the cookie webvpn is not the session-token')
    const leaf = this.leafSha1
    must(/<server-cert-hash>([0-9A-F]{40})</.exec(done.body)?.[1] === leaf, 'server-cert-hash is not the SHA-1 of the leaf')
    must(this.cookies.get('webvpnc') === `bu:/&p:t&iu:1/&sh:${leaf}`, `webvpnc: ${this.cookies.get('webvpnc')}`)
    this.manifest = manifestOf(done)
    if (kind.connections === 'keep-alive') must(headerOf(done, 'Connection') === 'Keep-Alive', 'Connection: Keep-Alive is missing')
    return token
  }

  /** Forms behind name and password: one dialogue, each answered with its own opaque. */
  private async further(first: HttpAnswer): Promise<HttpAnswer> {
    let answer = first
    for (const text of this.options.answers ?? []) {
      const form = readAuthForm(answer.body)
      must(form.handle === (this.forms[0]?.handle ?? form.handle) && form.handle === this.cookies.get('webvpncontext'), 'another dialogue')
      this.forms.push(form)
      const typed = form.inputs.some(({ name }) => name === 'username') ? [this.options.user, text] : [text]
      answer = await this.post(form.action, this.reply(answer, Object.fromEntries(answerTo(form, typed))))
    }
    return answer
  }

  /** Step 5: the downloader has no cookie. */
  async download(): Promise<void> {
    const platform = this.options.kind.mobile ? 'Linux_64' : 'Windows'
    for (const path of [
      `/1/${platform}`, '/1/VPNManifest.xml', '/1/binaries/update.txt', '/+CSCOT+/translation-table?textdomain=AnyConnect&type=manifest', '/+CSCOT+/oem-customization?app=AnyConnect&type=oem&platform=win&resource-type=image&name=company_logo.bmp',
    ]) {
      const answer = await exchange(await this.connection(), 'GET', path, [['Host', this.options.host], ['User-Agent', this.options.kind.userAgent]])
      must(answer.status === 200, `downloader: ${path} is ${answer.status}`)
      this.requestDone()
    }
  }

  /**
   * The profile, with the cookie: fetched when the file in the folder has another hash than the manifest names, and thrown
   * away when its own is not that one (reference/cisco section 6).
   */
  async synchronizeProfile(token: string): Promise<void> {
    const { manifest, options } = this
    if (!manifest) return
    must(/^\/CACHE\/stc\/profiles\/[^/]+\.xml$/.test(manifest.uri) && /^[0-9A-F]{40}$/.test(manifest.hash), `manifest: ${manifest.uri} ${manifest.hash}`)
    const name = manifest.uri.slice(manifest.uri.lastIndexOf('/') + 1)
    const kept = options.profiles?.get(name)
    if (kept !== undefined && sha1Of(kept) === manifest.hash) return
    const answer = await exchange(await this.connection(), 'GET', manifest.uri, [['Host', options.host], ['User-Agent', options.kind.userAgent], ['Cookie', `webvpn=${token}`]])
    this.requestDone()
    must(answer.status === 200, 'Failed to download the AnyConnect profile. Please retry.')
    must(sha1Of(answer.body) === manifest.hash, 'the profile is not the one of the manifest')
    must(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<AnyConnectProfile /.test(answer.body), 'Unable to parse the profile')
    options.profiles?.set(name, answer.body)
    this.fetched.push(manifest.uri)
  }

  /** Step 6, on a connection of its own with the agent's name and nothing but the cookie. */
  async connect(token: string): Promise<Tunnel> {
    const { kind } = this.options
    const wire = await this.options.dial()
    const masterSecret = randomBytes(48)
    const sent = this.tunnelHeaders(token, masterSecret)
    const answer = await exchange(wire, 'CONNECT', '/CSCOSSLC/tunnel', sent)
    must(answer.statusLine.startsWith('HTTP/1.1 200 '), `HTTP response code from the secure gateway is ${answer.statusLine}`)
    const problems = connectProblems(answer.headers, kind)
    must(problems.length === 0, `VPN configuration invalid: ${problems.join('; ')}`)
    if (this.options.dialDtls) {
      const found = dtlsProblems(answer.headers, sent)
      must(found.length === 0, `no DTLS: ${found.join('; ')}`)
    }
    return { channel: new CstpChannel(wire, answer.rest), answer, ipv4: headerOf(answer, 'X-CSTP-Address') ?? '', masterSecret }
  }

  /** Step 8: one suite, resumed; the OMTU probe has to come back in full, in its size. */
  async dtls({ answer, masterSecret, ipv4 }: Tunnel, ems: boolean): Promise<CiscoDtls | undefined> {
    const dial = this.options.dialDtls
    if (!dial) return undefined
    const id = Buffer.from(headerOf(answer, 'X-DTLS-Session-ID') ?? '', 'hex')
    const hello = { id, masterSecret, suite: headerOf(answer, 'X-DTLS12-CipherSuite') ?? '', port: Number(headerOf(answer, 'X-DTLS-Port')), ems }
    const channel = await dial(hello)
    if (!channel) throw new Error(`the DTLS handshake was not answered${ems ? ' with extended master secret offered' : ''}`)
    const probe = Buffer.alloc(Number(headerOf(answer, 'X-DTLS-MTU')) - 1, 0x5a)
    channel.send(FRAME_TYPE.dpdRequest, probe)
    const echoed = await channel.receive()
    must(echoed?.type === FRAME_TYPE.dpdResponse && echoed.payload.equals(probe), 'the OMTU probe was not echoed in full')
    channel.send(FRAME_TYPE.data, icmpEcho(ipv4, this.options.pingTarget ?? '10.20.0.1', 99))
    return channel
  }

  async ping(tunnel: Tunnel, sequence: number): Promise<void> {
    const target = this.options.pingTarget
    tunnel.channel.send(FRAME_TYPE.data, icmpEcho(tunnel.ipv4, target ?? '10.20.0.1', sequence))
    if (target === undefined) {
      // In the same order as the packet: when its answer is there, so was the packet.
      tunnel.channel.send(FRAME_TYPE.dpdRequest, Buffer.from('padding'))
      const echoed = await tunnel.channel.receive()
      must(echoed?.type === FRAME_TYPE.dpdResponse && echoed.payload.toString() === 'padding', 'DPD was not answered with its payload')
      return
    }
    for (;;) {
      const frame = await tunnel.channel.receive()
      must(frame !== undefined, 'the tunnel ended before the echo')
      const packet = frame?.payload ?? Buffer.alloc(0)
      if (frame?.type === FRAME_TYPE.data && packet[9] === 1 && packet[20] === 0 && packet.readUInt16BE(26) === sequence) return
    }
  }

  /** Step 9. */
  async logout(token: string): Promise<void> {
    const answer = await this.post('/', this.document('logout', `<session-token>${token}</session-token>`))
    must(answer.status === 200, `logout: ${answer.status}`)
  }

  async refused(token: string): Promise<void> {
    const wire = await this.options.dial()
    const answer = await exchange(wire, 'CONNECT', '/CSCOSSLC/tunnel', this.tunnelHeaders(token, randomBytes(48)))
    wire.close()
    must(answer.status === 401, `the cookie still opens a tunnel after the logout: ${answer.statusLine}`)
  }

  close(): void {
    this.wire?.close()
    this.wire = undefined
  }

  private tunnelHeaders(token: string, masterSecret: Buffer): readonly HeaderLine[] {
    return [['Host', this.options.host], ['User-Agent', this.options.kind.agent], ['Cookie', `webvpn=${token}`], ...this.options.kind.tunnelHeaders, ['X-DTLS-Master-Secret', masterSecret.toString('hex').toUpperCase()]]
  }

  private async post(path: string, body: string): Promise<HttpAnswer> {
    const { kind, host } = this.options
    const cookies: readonly HeaderLine[] = this.cookies.size === 0 ? [] : [['Cookie', [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')]]
    const headers: readonly HeaderLine[] = [
      ['Host', host], ['User-Agent', kind.userAgent], ...cookies, ['Accept', '*/*'], ['Accept-Encoding', 'identity'], ['X-Transcend-Version', '1'], ['X-Aggregate-Auth', '1'], ...kind.headers, ['Content-Type', kind.contentType],
    ]
    const wire = await this.connection()
    const answer = await exchange(wire, 'POST', path, headers, body)
    for (const line of headersOf(answer, 'Set-Cookie')) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    this.requestDone()
    return answer
  }

  private async connection(): Promise<Wire> {
    this.wire ??= await this.options.dial()
    this.leafSha1 = this.wire.leafSha1 ?? this.options.leafSha1
    return this.wire
  }
  private requestDone(): void {
    if (this.options.kind.connections !== 'each' || !this.wire) return
    this.wire.close()
    this.wire = undefined
  }

  private document(type: string, inner: string): string {
    return `<?xml version="1.0" encoding="UTF-8"?>\n<config-auth client="vpn" type="${type}" aggregate-auth-version="2"><version who="vpn">${this.options.kind.version}</version>${inner}</config-auth>`
  }
  private reply(form: HttpAnswer, values: Readonly<Record<string, string>>): string {
    const opaque = /<opaque\b[^]*?<\/opaque>/.exec(form.body)?.[0] ?? ''
    const inputs = Object.entries(values).map(([name, value]) => `<${name}>${value.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${name}>`)
    return this.document('auth-reply', `${this.options.kind.device}<session-token></session-token><session-id></session-id>${opaque}<auth>${inputs.join('')}</auth>`)
  }
}

const sha1Of = (text: string): string => createHash('sha1').update(text).digest('hex').toUpperCase()
function manifestOf(done: HttpAnswer): { readonly uri: string; readonly hash: string } | undefined {
  const manifest = /<vpn-profile-manifest><vpn rev="1.0">([^]*?)<\/vpn><\/vpn-profile-manifest>/.exec(done.body)?.[1]
  must(manifest !== undefined, 'Profile manifest not present')
  if (manifest === '') return undefined
  const [, uri, hash] = /^<file type="profile" service-type="user"><uri>([^<]+)<\/uri><hash type="sha1">([^<]+)<\/hash><\/file>$/.exec(manifest ?? '') ?? []
  if (uri === undefined || hash === undefined) throw new Error('VPN Profile Manifest entry not present')
  return { uri, hash }
}

const actionOf = (form: HttpAnswer): string => /<form\b[^>]*\baction="([^"]+)"/.exec(form.body)?.[1] ?? '/'
