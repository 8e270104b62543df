/**
 * TLS as this dialer speaks it: its trust, who it is, which sessions it resumes, and the facts of a session.
 *
 * A session is kept with what its full handshake has proved and is resumed only for the same host, port and demand, since
 * nothing is checked again then: neither is a session without checks resumed where checks are demanded, nor the other way
 * round (TLS-024).
 */
import * as Failure from "@effect-mail/protocol/Failure"
import { CertificateInfo, TlsInfo } from "@effect-mail/protocol/Receipt"
import * as TlsPolicy from "@effect-mail/protocol/TlsPolicy"
import { type TlsDemand, unpinned, type WireError } from "@effect-mail/transport/Wire"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as SystemError from "./systemError.ts"

/** The settings that are the same for all handshakes of a dialer. */
export interface Options {
  readonly ca?: string | ReadonlyArray<string> | undefined
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  readonly clientCertificate?:
    | {
        readonly certificate: string
        readonly key: Redacted.Redacted
        readonly passphrase?: Redacted.Redacted | undefined
      }
    | undefined
  readonly resumption?: boolean | undefined
}

/** A handshake that has begun. */
export interface Handshake {
  readonly socket: Tls.TLSSocket
  /** To be asked when it has ended well, before anything is sent: its facts, or what they do not prove. */
  readonly accept: () => Result.Result<TlsInfo, WireError>
}

interface Saved {
  readonly session: Buffer
  readonly info: TlsInfo
  /** When the full handshake was, in milliseconds. */
  readonly since: number
}

// RFC 8446 section 4.6.1 allows seven days; within an hour a certificate that was taken back is noticed.
const maxAge = 60 * 60 * 1000

// Hosts whose sessions, and certificates whose facts are kept.
const maxSessions = 500
const maxCertificates = 500

/** The TLS of one dialer. */
export class TlsClient {
  readonly #options: Options
  readonly #sessions = new Map<string, Saved>()
  readonly #certificates = new Map<string, CertificateInfo>()
  #context: Tls.SecureContext | undefined

  constructor(options: Options) {
    this.#options = options
  }

  /** Begins a handshake over a connection at a time in milliseconds. Throws when the settings cannot be used. */
  start(socket: Net.Socket, demand: TlsDemand, now: number): Handshake {
    const key = JSON.stringify([demand.host, socket.remotePort, demand.verify, demand.pins?.toSorted()])
    const saved = this.#take(key, now)
    // Reading certificate authorities takes longer than a handshake, so it is done once.
    const secureContext = (this.#context ??= makeContext(this.#options))
    const secured = Tls.connect({
      socket,
      secureContext,
      // An IP address is compared with the certificate but never sent as SNI (RFC 6066 section 3).
      servername: Net.isIP(demand.host) === 0 && !demand.host.startsWith("/") ? demand.host : "",
      rejectUnauthorized: demand.verify,
      checkServerIdentity: (_name, { raw }) => wrongHost(demand.host, raw),
      ...(saved === undefined ? {} : { session: saved.session })
    })
    let accepted: Omit<Saved, "session"> | undefined
    let session: Buffer | undefined
    const save = (): void => {
      if (accepted !== undefined && session !== undefined) this.#save(key, { ...accepted, session })
    }
    // TLS 1.2 has it before the handshake is over, TLS 1.3 after.
    secured.on("session", (ticket: Buffer) => {
      session = ticket
      save()
    })
    const accept = (): Result.Result<TlsInfo, WireError> => {
      const resumed = secured.isSessionReused() ? saved : undefined
      const info = this.#info(secured, resumed)
      const refusal = unpinned(demand, info)
      if (refusal !== undefined) return Result.fail(refusal)
      accepted = { info, since: resumed?.since ?? now }
      session ??= resumed?.session
      save()
      return Result.succeed(info)
    }
    return { socket: secured, accept }
  }

  // It comes back when the handshake ends well, so that one that fails is not tried again.
  #take(key: string, now: number): Saved | undefined {
    const saved = this.#sessions.get(key)
    this.#sessions.delete(key)
    return saved !== undefined && now - saved.since < maxAge ? saved : undefined
  }

  #save(key: string, saved: Saved): void {
    if (this.#options.resumption === false) return
    this.#sessions.delete(key)
    this.#sessions.set(key, saved)
    trim(this.#sessions, maxSessions)
  }

  #info(socket: Tls.TLSSocket, resumed: Saved | undefined): TlsInfo {
    const cipher = socket.getCipher()
    const session = { protocol: socket.getProtocol() ?? "TLS", cipher: cipher.standardName ?? cipher.name }
    // A resumed session shows no certificate, and its name was not compared again.
    if (resumed !== undefined) return new TlsInfo({ ...resumed.info, ...session, resumed: true })
    const chain = this.#chain(socket.getPeerCertificate(true))
    return new TlsInfo({
      ...session,
      // Of the chain and of the name, whether they were demanded or not.
      verified: socket.authorized,
      ...(socket.authorized ? {} : { problem: SystemError.meaningOf(socket.authorizationError) }),
      ...(chain[0] === undefined ? {} : { fingerprint: chain[0].fingerprint }),
      chain,
      resumed: false
    })
  }

  #chain(own: Tls.DetailedPeerCertificate): ReadonlyArray<CertificateInfo> {
    const chain: Array<CertificateInfo> = []
    let certificate: Tls.DetailedPeerCertificate | undefined = own
    // A root is its own issuer, and a server that shows no certificate has an empty one.
    while (certificate?.raw !== undefined && chain.length < maxChain) {
      chain.push(this.#certificate(certificate))
      certificate = certificate.issuerCertificate === certificate ? undefined : certificate.issuerCertificate
    }
    return chain
  }

  #certificate({ fingerprint256, raw }: Tls.PeerCertificate): CertificateInfo {
    const known = this.#certificates.get(fingerprint256)
    if (known !== undefined) return known
    const facts = factsOf(new Crypto.X509Certificate(raw), fingerprint256)
    this.#certificates.set(fingerprint256, facts)
    trim(this.#certificates, maxCertificates)
    return facts
  }
}

const maxChain = 10

const trim = (map: Map<string, unknown>, size: number): void => {
  const [oldest] = map.keys()
  if (map.size > size && oldest !== undefined) map.delete(oldest)
}

const factsOf = (certificate: Crypto.X509Certificate, fingerprint: string): CertificateInfo => {
  const pin = pinOf(certificate)
  return new CertificateInfo({
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    fingerprint,
    ...(pin === undefined ? {} : { pin })
  })
}

// A chain may hold a key of a kind that OpenSSL does not know, which throws.
const pinOf = (certificate: Crypto.X509Certificate): string | undefined => {
  try {
    const key = certificate.publicKey.export({ type: "spki", format: "der" })
    return TlsPolicy.keyPin(Crypto.createHash("sha256").update(key).digest())
  } catch {
    return undefined
  }
}

// Whoever made the certificate chose these words, as many as he liked.
const nameOf = (name: string | undefined): string =>
  Failure.printable((name ?? "").split("\n").join(", ")).slice(0, 300)

// RFC 9525: the names of the certificate's extension alone, and a wildcard only as the whole first label (TLS-014).
const nameRules = { subject: "never", partialWildcards: false, multiLabelWildcards: false } as const

const wrongHost = (host: string, raw: Buffer): Error | undefined => {
  const certificate = new Crypto.X509Certificate(raw)
  const named = Net.isIP(host) === 0 ? certificate.checkHost(host, nameRules) : certificate.checkIP(host)
  return named === undefined
    ? Object.assign(new Error("wrong host"), { code: "ERR_TLS_CERT_ALTNAME_INVALID" })
    : undefined
}

const makeContext = ({ ca, clientCertificate, minVersion = "TLSv1.2" }: Options): Tls.SecureContext =>
  Tls.createSecureContext({
    minVersion,
    ...(ca === undefined ? {} : { ca: [ca].flat().filter(readable) }),
    ...(clientCertificate === undefined ? {} : identity(clientCertificate))
  })

// What is no certificate would be left out silently, and then nobody is trusted; this throws.
const readable = (authority: string): boolean => new Crypto.X509Certificate(authority).raw.length > 0

const identity = ({ certificate, key, passphrase }: NonNullable<Options["clientCertificate"]>) => ({
  cert: certificate,
  key: Redacted.value(key),
  ...(passphrase === undefined ? {} : { passphrase: Redacted.value(passphrase) })
})
