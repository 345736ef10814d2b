import type { Plugin } from '../core/plugin.ts'
import adminApi from './admin-api/index.ts'
import alwaysOnPolicy from './always-on-policy/index.ts'
import anyconnect from './anyconnect/index.ts'
import authCertificate from './auth-certificate/index.ts'
import authLdap from './auth-ldap/index.ts'
import authLocal from './auth-local/index.ts'
import authRadius from './auth-radius/index.ts'
import authTotp from './auth-totp/index.ts'
import authSaml from './auth-saml/index.ts'
import cli from './cli/index.ts'
import dtls from './dtls/index.ts'
import firewall from './firewall/index.ts'
import importOcserv from './import-ocserv/index.ts'
import limits from './limits/index.ts'
import loginGuard from './login-guard/index.ts'
import splitDns from './split-dns/index.ts'
import { planned } from './planned.ts'

/**
 * What ships, in the order of start where `requires` does not say otherwise. Who answers commands comes last, so that
 * nobody is told of a gateway that is not there yet.
 */
export const plugins: readonly Plugin[] = [limits, loginGuard, authLocal, authSaml, authCertificate, authRadius, authLdap, authTotp, firewall, anyconnect, alwaysOnPolicy, dtls, splitDns, importOcserv, adminApi, cli, ...planned]
