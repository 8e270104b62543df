/**
 * The server's side of the mechanisms: what a mail server in a test, or an inbox for developers, verifies. The twin of
 * `SaslExchange`, with the roles swapped.
 *
 * @since 0.1.0
 */
import * as Hex from "effect/encoding/Hex"
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Gs2 from "./internal/gs2.ts"
import * as Octets from "./internal/octets.ts"
import * as SaslExchange from "./SaslExchange.ts"
import * as SaslMechanism from "./SaslMechanism.ts"
import * as SaslPrep from "./SaslPrep.ts"
import * as Scram from "./Scram.ts"

/**
 * A mechanism that the server offers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Mechanism {
  readonly name: string
  readonly start: () => Exchange
}

/**
 * The server's side of an exchange. It is resumed with the octets of the client's response after a `Challenge`, with
 * the octets that were computed after a `Compute`, and returns its verdict.
 *
 * @category models
 * @since 0.1.0
 */
export type Exchange = Generator<Challenge | SaslExchange.Compute, Verdict, Uint8Array>

/**
 * What the server says. `data` is undefined, as the first step only, where the client has to speak first.
 *
 * @category models
 * @since 0.1.0
 */
export interface Challenge {
  readonly _tag: "Challenge"
  readonly data: Uint8Array | undefined
}

/**
 * Who the client is, or why it is nobody: the credentials are wrong, or the message is not the mechanism's.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Granted"; readonly username: string; readonly authzid: string }
  | { readonly _tag: "Denied"; readonly reason: "credentials" | "malformed" }

/**
 * Whom the server knows. What is absent makes the mechanisms that need it absent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Accounts {
  /** The password of a user, undefined for a stranger. */
  readonly password?: ((username: string) => Redacted.Redacted | undefined) | undefined
  /** Undefined for a good token, else why it is refused. */
  readonly token?: ((username: string, token: Redacted.Redacted) => SaslExchange.Refusal | undefined) | undefined
  /** The identity in the client's certificate. */
  readonly certificate?: string | undefined
  /** What the -PLUS mechanisms bind to. */
  readonly channelBinding?: Scram.ChannelBinding | undefined
  /** The number of SCRAM rounds to demand; 4096 when absent. */
  readonly iterations?: number | undefined
  /** Whether a user may act as somebody else; nobody may when absent. */
  readonly mayActAs?: ((username: string, authzid: string) => boolean) | undefined
}

/**
 * The mechanisms by which the server can verify these accounts, best first.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mechanisms = (accounts: Accounts): ReadonlyArray<Mechanism> => {
  const { certificate, channelBinding, password, token } = accounts
  const scrams = (binding: Scram.ChannelBinding | undefined) =>
    (["SHA-256", "SHA-1"] as const).map((hash) => ({
      name: `SCRAM-${hash}${binding === undefined ? "" : "-PLUS"}`,
      start: () => scram({ hash, accounts, binding })
    }))
  return [
    ...(certificate === undefined ? [] : [{ name: "EXTERNAL", start: () => external(accounts, certificate) }]),
    ...(password === undefined || channelBinding === undefined ? [] : scrams(channelBinding)),
    ...(password === undefined ? [] : scrams(undefined)),
    ...(token === undefined ? [] : [{ name: "OAUTHBEARER", start: () => oauthBearer(token) }]),
    ...(token === undefined ? [] : [{ name: "XOAUTH2", start: () => xoauth2(token) }]),
    ...(password === undefined
      ? []
      : [
          { name: "CRAM-MD5", start: () => cramMd5(accounts) },
          { name: "PLAIN", start: () => plain(accounts) },
          { name: "LOGIN", start: () => login(accounts) }
        ])
  ]
}

const listen: Challenge = { _tag: "Challenge", data: undefined }

const challenge = (data: Uint8Array | string): Challenge => ({
  _tag: "Challenge",
  data: typeof data === "string" ? Octets.utf8(data) : data
})

const malformed: Verdict = { _tag: "Denied", reason: "malformed" }
const denied: Verdict = { _tag: "Denied", reason: "credentials" }

const grant = (accounts: Accounts, username: string, authzid: string): Verdict =>
  authzid === "" || authzid === username || accounts.mayActAs?.(username, authzid) === true
    ? { _tag: "Granted", username, authzid: authzid === "" ? username : authzid }
    : denied

// Undefined when SASLprep refuses the text or leaves nothing of it.
const prepared = (text: string): string | undefined => Result.getOrUndefined(SaslPrep.prepare(text)) || undefined

// The password of an account as the mechanisms compare it.
const passwordOf = (accounts: Accounts, username: string): Uint8Array | undefined => {
  const password = accounts.password?.(username)
  const comparable = password === undefined ? undefined : prepared(Redacted.value(password))
  return comparable === undefined ? undefined : Octets.utf8(comparable)
}

// PLAIN and LOGIN bring what the user typed: it is prepared here (RFC 4616 section 2).
const verify = (accounts: Accounts, typedName: string, typedPassword: string, authzid: string): Verdict => {
  const username = prepared(typedName)
  const password = prepared(typedPassword)
  const expected = username === undefined ? undefined : passwordOf(accounts, username)
  if (username === undefined || password === undefined || expected === undefined) return denied
  return Octets.constantTimeEquals(expected, Octets.utf8(password)) ? grant(accounts, username, authzid) : denied
}

function* plain(accounts: Accounts): Exchange {
  const [authzid, username, password, ...rest] = Octets.fromUtf8(yield listen)?.split("\0") ?? []
  return authzid === undefined || username === undefined || password === undefined || rest.length > 0
    ? malformed
    : verify(accounts, username, password, authzid)
}

function* login(accounts: Accounts): Exchange {
  const username = Octets.fromUtf8(yield challenge("Username:"))
  const password = Octets.fromUtf8(yield challenge("Password:"))
  return username === undefined || password === undefined ? malformed : verify(accounts, username, password, "")
}

function* cramMd5(accounts: Accounts): Exchange {
  const nonce = Octets.utf8(`<${Hex.encode(yield* SaslExchange.random(16))}@server.test>`)
  const response = Octets.fromUtf8(yield challenge(nonce)) ?? ""
  const space = response.lastIndexOf(" ")
  if (space === -1) return malformed
  const username = response.slice(0, space)
  const password = passwordOf(accounts, username)
  if (password === undefined) return denied
  const expected = Octets.utf8(Hex.encode(yield* SaslExchange.hmac("MD5", password, nonce)))
  return Octets.constantTimeEquals(expected, Octets.utf8(response.slice(space + 1)))
    ? grant(accounts, username, "")
    : denied
}

function* external(accounts: Accounts, certificate: string): Exchange {
  const authzid = Octets.fromUtf8(yield listen)
  return authzid === undefined ? malformed : grant(accounts, certificate, authzid)
}

type CheckToken = NonNullable<Accounts["token"]>

function* oauthBearer(check: CheckToken): Exchange {
  const [header, ...pairs] = Octets.fromUtf8(yield listen)?.split("\x01") ?? []
  const username = Gs2.unescapeName(Gs2.attribute("a", header?.split(",")[1]) ?? "")
  return yield* bearer(check, username, pairs)
}

function* xoauth2(check: CheckToken): Exchange {
  const [user, ...pairs] = Octets.fromUtf8(yield listen)?.split("\x01") ?? []
  return yield* bearer(check, Gs2.attribute("user", user), pairs)
}

function* bearer(check: CheckToken, username: string | undefined, pairs: ReadonlyArray<string>): Exchange {
  const scheme = "auth=Bearer "
  const token = pairs.find((pair) => pair.startsWith(scheme))?.slice(scheme.length)
  if (username === undefined || token === undefined) return malformed
  const refusal = check(username, Redacted.make(token))
  if (refusal === undefined) return { _tag: "Granted", username, authzid: username }
  yield challenge(SaslMechanism.writeRefusal(refusal))
  return denied
}

interface ScramOptions {
  readonly hash: Scram.Hash
  readonly accounts: Accounts
  readonly binding: Scram.ChannelBinding | undefined
}

function* scram({ hash, accounts, binding }: ScramOptions): Exchange {
  const first = readClientFirst(Octets.fromUtf8(yield listen) ?? "")
  if (first === undefined) return malformed
  if (!flagAllowed(first.flag, accounts, binding)) return denied

  const nonce = first.nonce + Base64.encode(yield* SaslExchange.random(18))
  const salt = yield* SaslExchange.random(16)
  const iterations = accounts.iterations ?? Scram.minimumIterations
  const serverFirst = `r=${nonce},s=${Base64.encode(salt)},i=${iterations}`
  const clientFinal = Octets.fromUtf8(yield challenge(serverFirst)) ?? ""

  const end = clientFinal.lastIndexOf(",p=")
  const proof = Octets.fromBase64(clientFinal.slice(end + 3))
  if (end === -1 || proof === undefined) return malformed
  const withoutProof = clientFinal.slice(0, end)
  if (withoutProof !== `c=${Gs2.boundHeader(first.header, binding?.data)},r=${nonce}`) return denied

  // A stranger's exchange takes as long as everybody's.
  const password = passwordOf(accounts, first.username)
  const keys = yield* Scram.deriveKeys(hash, { password: password ?? salt, salt, iterations })
  const authMessage = Octets.utf8(`${first.bare},${serverFirst},${withoutProof}`)
  const clientKey = Octets.xor(proof, yield* SaslExchange.hmac(hash, keys.stored, authMessage))
  if (password === undefined || !Octets.constantTimeEquals(keys.stored, yield* SaslExchange.digest(hash, clientKey))) {
    return denied
  }
  const signature = yield* SaslExchange.hmac(hash, keys.server, authMessage)
  const last = yield challenge(`v=${Base64.encode(signature)}`)
  return last.length === 0 ? grant(accounts, first.username, first.authzid) : malformed
}

// `y` says "you offered no binding": a lie to a server that did (RFC 5802 section 6).
const flagAllowed = (flag: string, accounts: Accounts, binding: Scram.ChannelBinding | undefined): boolean =>
  binding === undefined
    ? flag === "n" || (flag === "y" && accounts.channelBinding === undefined)
    : flag === `p=${binding.type}`

// `flag,[a=authzid],n=name,r=nonce` and perhaps extensions.
const readClientFirst = (message: string) => {
  const [flag, authorization, name, random] = message.split(",")
  const authzid = authorization === "" ? "" : Gs2.unescapeName(Gs2.attribute("a", authorization) ?? "=")
  const username = Gs2.unescapeName(Gs2.attribute("n", name) ?? "=")
  const nonce = Gs2.attribute("r", random)
  if (flag === undefined || authzid === undefined || !username || !nonce) return undefined
  const header = `${flag},${authorization},`
  return { flag, authzid, username, nonce, header, bare: message.slice(header.length) }
}
