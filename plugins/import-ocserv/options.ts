import type { Fate } from './finding.ts'

/** `G`: of the whole server; `V`: of each virtual host; `U`: also in users' and groups' files; `only U`: nowhere else. */
export type Scope = 'G' | 'V' | 'V+U' | 'only U'
export interface Option {
  readonly scope: Scope
  /** `mapped`: translated by its value; the others always end so, with `text`. */
  readonly fate: Extract<Fate, 'mapped' | 'explained' | 'refused'>
  /** For `mapped`: where it goes. */
  readonly text: string
}

const mapped = (scope: Scope, text: string): Option => ({ scope, fate: 'mapped', text })
const explained = (scope: Scope, text: string): Option => ({ scope, fate: 'explained', text })
const refused = (scope: Scope, text: string): Option => ({ scope, fate: 'refused', text })

const UNIT = 'the unit of systemd says it (rootfs-overlay)'
const THREADS = 'one process with threads: nothing to set'
const COMMAND_LINE = 'commands go through admin.sock in the data directory'
const PIN = 'keys are PEM files without a passphrase; there is no PIN'
const BANS = 'networks are banned by failed logins, without being configured ([login-guard], plugins/login-guard/README.md); points of ocserv mean other things'
const HOOKS = 'no scripts are run; sessions are in the log, the audit and "postern session list"'
const HEADERS = 'headers of one\'s own cannot be added'
const LIST = 'the list of groups that clients see'

/** Every option of ocserv 0.12 to 1.5 and what becomes of it: `postern import ocserv` has no other rule. */
export const OPTIONS: Readonly<Record<string, Option>> = {
  // Listening, processes, files
  'listen-host': mapped('G', 'gateway.listen'),
  'udp-listen-host': explained('G', 'UDP and TCP share the addresses of gateway.listen'),
  'listen-host-is-dyndns': explained('V', 'clients resolve the name again by themselves'),
  'listen-netns': refused('G', 'start the gateway in the namespace instead: ip netns exec, or NetworkNamespacePath= in the unit'),
  'listen-proxy-proto': mapped('G', 'gateway.proxy-protocol-from'),
  'listen-clear-file': refused('G', 'gone from ocserv itself; put a TCP proxy with the PROXY protocol in front instead'),
  'tcp-port': mapped('G', 'gateway.listen'),
  'udp-port': mapped('G', 'dtls.enabled'),
  'run-as-user': explained('G', UNIT),
  'run-as-group': explained('G', UNIT),
  'socket-file': explained('G', THREADS),
  'occtl-socket-file': explained('G', COMMAND_LINE),
  'use-occtl': explained('G', `${COMMAND_LINE}: "postern session list" is occtl's "show users"`),
  'chroot-dir': explained('G', UNIT),
  'pid-file': explained('G', UNIT),
  'isolate-workers': explained('G', UNIT),
  'limit-worker-memory': explained('G', UNIT),
  'sec-mod-scale': explained('G', THREADS),
  'sec-mod-db-cleanup-time': explained('G', 'sessions end by their own clocks'),
  'server-stats-reset-time': explained('G', 'counters are never reset'),
  'log-level': explained('G', 'the log is JSON on standard output; journald filters it'),
  'syslog-facility': explained('G', 'the log is JSON on standard output; journald keeps it'),
  'debug-no-secmod-stats': explained('G', 'a hook for tests of ocserv'),
  'use-utmp': explained('G', 'logins are in the audit ("postern audit"), not in utmp'),
  device: mapped('G', 'gateway.device'),
  'server-drain-ms': explained('G', 'a stop closes the listener at once; clients come back with their cookie'),
  // Keys and TLS
  'server-cert': mapped('V', 'gateway.certificate'),
  'server-key': mapped('V', 'gateway.key'),
  'ca-cert': mapped('V', 'auth-certificate.ca'),
  crl: mapped('V', 'auth-certificate.crl'),
  'dh-params': explained('V', 'key exchange is by elliptic curves'),
  'pin-file': refused('V', PIN),
  'srk-pin-file': refused('V', PIN),
  'key-pin': refused('V', PIN),
  'srk-pin': refused('V', PIN),
  'ocsp-response': explained('V', 'no OCSP response is stapled; clients ask the CA where they care'),
  'cert-user-oid': mapped('V', 'auth-certificate.user-from'),
  'cert-group-oid': explained('V', 'not taken over: group-from in [auth-certificate] does it, and refuses who has none of the configured groups'),
  'tls-priorities': mapped('V', 'explained word by word'),
  'match-tls-dtls-ciphers': explained('V', 'each channel takes the best suite that both ends have'),
  'dtls-psk': mapped('G', 'dtls.psk'),
  'dtls-legacy': mapped('V', 'dtls.legacy'),
  'rekey-time': mapped('V', 'policy.rekey-time'),
  'rekey-method': mapped('V', 'policy.rekey-method'),
  compression: mapped('V', 'policy.compression'),
  'compression-algo-priority': explained('G', 'LZ4 before LZS, by what the client offers'),
  'no-compress-limit': explained('V', 'packets below 40 bytes, and those that do not shrink, are left as they are'),
  // Login
  auth: mapped('V', 'group.NAME.auth'),
  'enable-auth': mapped('V', 'group.NAME.auth'),
  acct: refused('V', 'not taken over: accounting = true in [auth-radius] tells the servers there'),
  'auth-timeout': mapped('G', 'anyconnect.max-login-time'),
  banner: mapped('V', 'policy.banner'),
  'pre-login-banner': explained('V', 'no text is shown before the login'),
  'select-group': mapped('V', LIST),
  'default-select-group': mapped('V', LIST),
  'auto-select-group': mapped('V', LIST),
  'select-group-by-url': explained('V', 'always on: https://gateway/GROUP chooses the group'),
  'always-require-cert': explained('V', 'certificates are asked for where auth of a group has the step "certificate"'),
  'cisco-client-compat': explained('V', 'Cisco\'s clients are served as they are'),
  'cisco-svc-client-compat': refused('V', 'SSL VPN clients older than AnyConnect, and IP phones, are not served'),
  camouflage: refused('V', 'the gateway does not hide as a web site'),
  camouflage_secret: refused('V', 'the gateway does not hide as a web site'),
  camouflage_realm: refused('V', 'the gateway does not hide as a web site'),
  'custom-header': refused('V', HEADERS),
  'included-http-headers': explained('V', HEADERS),
  kkdcp: refused('V', 'there is no Kerberos proxy'),
  'proxy-url': refused('V', 'no proxy configuration is given to clients'),
  'user-profile': mapped('V+U', 'always-on-policy.file: clients get it as it is'),
  // Bans and load
  'max-clients': mapped('G', 'gateway.max-sessions'),
  'rate-limit-ms': explained('G', 'connections and handshakes are bounded instead, in all and of one address (plugins/anyconnect/README.md)'),
  'max-ban-score': explained('G', BANS),
  'ban-points-wrong-password': explained('G', BANS),
  'ban-points-connection': explained('G', BANS),
  'ban-points-kkdcp': explained('G', BANS),
  'ban-time': explained('G', BANS),
  'ban-reset-time': explained('G', BANS),
  // Session rules
  'max-same-clients': mapped('V+U', 'policy.max-sessions'),
  'cookie-timeout': mapped('V', 'policy.disconnected-timeout'),
  'persistent-cookies': mapped('V', 'explained by its value'),
  'deny-roaming': mapped('V+U', 'policy.deny-roaming'),
  'idle-timeout': mapped('V+U', 'policy.inactivity-timeout'),
  'mobile-idle-timeout': explained('V+U', 'phones have the inactivity-timeout of everybody'),
  'session-timeout': mapped('V+U', 'policy.session-timeout'),
  keepalive: mapped('V+U', 'policy.keepalive'),
  dpd: mapped('V+U', 'policy.dpd'),
  'mobile-dpd': mapped('V+U', 'policy.mobile-dpd'),
  'switch-to-tcp-timeout': explained('V', 'data goes where the client spoke last, and to TLS when DPD over UDP is not answered'),
  'stats-report-time': explained('V+U', 'RADIUS servers say themselves how often they want to hear (Acct-Interim-Interval)'),
  'connect-script': refused('G', HOOKS),
  'disconnect-script': refused('G', HOOKS),
  'host-update-script': refused('G', HOOKS),
  'session-control': explained('G', 'gone from ocserv itself'),
  // Network
  'predictable-ips': mapped('V', 'explained by its value'),
  'ping-leases': explained('G', 'addresses of a pool belong to the gateway alone; they rest before somebody else gets them (quarantine)'),
  'ipv4-network': mapped('V+U', 'pool.NAME.ipv4'),
  'ipv4-netmask': mapped('V+U', 'pool.NAME.ipv4'),
  'ipv6-network': mapped('V+U', 'pool.NAME.ipv6'),
  'ipv6-prefix': mapped('V', 'pool.NAME.ipv6'),
  'ipv6-subnet-prefix': mapped('V+U', 'explained by its value'),
  'default-domain': mapped('V', 'policy.default-domain, policy.search'),
  dns: mapped('V+U', 'policy.dns'),
  nbns: mapped('V+U', 'policy.nbns'),
  'split-dns': mapped('V+U', 'policy.split-dns'),
  'tunnel-all-dns': mapped('V+U', 'policy.tunnel-all-dns'),
  route: mapped('V+U', 'policy.split-include'),
  'no-route': mapped('V+U', 'policy.split-exclude'),
  'append-routes': mapped('V', 'the routes of [policy] are written into each list'),
  'expose-iroutes': refused('V', 'networks behind clients are not told to other clients: add them to split-include'),
  'restrict-user-to-routes': mapped('V+U', 'policy.restrict-to-routes'),
  'restrict-user-to-ports': mapped('V+U', 'policy.allow or policy.deny'),
  'client-bypass-protocol': mapped('V+U', 'policy.client-bypass-protocol'),
  'route-add-cmd': explained('G', 'the gateway makes the routes of iroute itself'),
  'route-del-cmd': explained('G', 'the gateway makes the routes of iroute itself'),
  mtu: mapped('V+U', 'policy.mtu'),
  'try-mtu-discovery': explained('G', 'always on: the MTU of each tunnel follows its path'),
  'output-buffer': explained('V', 'queues are kept short for everybody'),
  'net-priority': explained('V+U', 'packets of the gateway carry no priority of their own: mark them in nftables'),
  'rx-data-per-sec': mapped('V+U', 'policy.rate-up'),
  'tx-data-per-sec': mapped('V+U', 'policy.rate-down'),
  'no-udp': mapped('V+U', 'policy.dtls'),
  'config-per-user': mapped('V', 'values of each user'),
  'config-per-group': mapped('V', 'group.NAME.policy'),
  'default-user-config': mapped('V', 'values of each user without a file'),
  'default-group-config': mapped('V', 'group.NAME.policy of each group without a file'),
  // Only in users' and groups' files
  iroute: mapped('only U', 'policy.iroute'),
  'explicit-ipv4': mapped('only U', 'policy.ipv4-address'),
  'explicit-ipv6': mapped('only U', 'policy.ipv6-address'),
  hostname: explained('only U', 'clients are told the name of the gateway'),
  // Gone
  cgroup: explained('G', UNIT),
  'binary-files': explained('G', 'gone from ocserv itself'),
}

/** Former spellings, read like the later ones. */
export const FORMER_NAMES: Readonly<Record<string, string>> = {
  'use-seccomp': 'isolate-workers',
  'use-dbus': 'use-occtl',
  'min-reauth-time': 'ban-time',
  'ipv4-dns': 'dns',
  'ipv6-dns': 'dns',
  'ipv4-nbns': 'nbns',
  'ipv6-nbns': 'nbns',
  tunnel_all_dns: 'tunnel-all-dns',
}
