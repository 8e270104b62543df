import * as Endpoint from "@effect-mail/protocol/Endpoint"
import type * as SmtpSession from "../SmtpSession.ts"

// CLASS-24 allows a day; a server that is mended, or an attacker who has gone, should not cost the encryption of a day.
const remembered = 3_600_000

// More servers than one machine is likely to meet in an hour with broken TLS; what is forgotten costs a handshake.
const most = 1000

/**
 * The servers whose TLS did not work although they offer it, so that opportunistic sessions spare themselves the handshake
 * for an hour (CLASS-24). A policy that demands TLS does not ask here.
 */
export class BrokenTls implements SmtpSession.BrokenTls {
  private readonly since = new Map<string, number>()
  private readonly now: () => number

  /** `now` in milliseconds of any clock that does not go back. */
  constructor(now: () => number) {
    this.now = now
  }

  has(endpoint: Endpoint.Endpoint): boolean {
    // Almost always nothing is remembered.
    if (this.since.size === 0) return false
    const key = Endpoint.format(endpoint)
    const since = this.since.get(key)
    if (since === undefined) return false
    if (this.now() - since < remembered) return true
    this.since.delete(key)
    return false
  }

  add(endpoint: Endpoint.Endpoint): void {
    const [oldest] = this.since.keys()
    if (this.since.size >= most && oldest !== undefined) this.since.delete(oldest)
    this.since.set(Endpoint.format(endpoint), this.now())
  }
}
