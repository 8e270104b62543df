/**
 * SCRAM (RFC 5802, RFC 7677): the client proves that it knows the password without showing it, the server proves that
 * it knows the password too. Nothing is accepted before the server's proof was checked, and no server can make the
 * client work without bound or with fewer rounds than are worth having.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Failure from "./Failure.ts"
import * as CredentialText from "./internal/credentialText.ts"
import * as Gs2 from "./internal/gs2.ts"
import * as Octets from "./internal/octets.ts"
import * as SaslExchange from "./SaslExchange.ts"

/**
 * The hash functions that SCRAM is registered with and that mail servers use.
 *
 * @category models
 * @since 0.1.0
 */
export type Hash = "SHA-1" | "SHA-256"

/**
 * What binds an authentication to the TLS session that it runs in, so that nobody in the middle can pass it on (RFC
 * 5929, RFC 9266). `tls-exporter` is for TLS 1.3; `tls-unique` for TLS 1.2 with the extended master secret only.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChannelBinding {
  readonly type: "tls-exporter" | "tls-server-end-point" | "tls-unique"
  readonly data: Uint8Array
}

/**
 * How a client authenticates by SCRAM.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientOptions {
  readonly hash: Hash
  readonly username: string
  readonly password: Redacted.Redacted
  /** The identity to act as, when it is not the user's own. */
  readonly authzid?: string | undefined
  /**
   * The channel binding to use, which makes it the -PLUS mechanism. `unadvertised` says that we could bind and the
   * server did not offer it: a server that did then knows that somebody removed the offer.
   */
  readonly binding?: ChannelBinding | "unadvertised" | undefined
  /** The fewest rounds of PBKDF2 to accept from a server; 4096 when absent (RFC 5802 section 5.1). */
  readonly minimumIterations?: number | undefined
}

/**
 * The most rounds of PBKDF2 that a client performs for a server: some seconds of one core.
 *
 * @category constants
 * @since 0.1.0
 */
export const maximumIterations = 10_000_000

/**
 * The fewest rounds of PBKDF2 that a client accepts by default (RFC 5802 section 5.1).
 *
 * @category constants
 * @since 0.1.0
 */
export const minimumIterations = 4096

/**
 * SCRAM as a client: `SCRAM-SHA-1`, `SCRAM-SHA-256`, or the same with `-PLUS` when a channel binding is given.
 *
 * The exchange returns `Unmet` when user name or password cannot be prepared by SASLprep, `Lost` when the server breaks
 * the protocol or fails to prove that it knows the password.
 *
 * @category mechanisms
 * @since 0.1.0
 */
export const client = (options: ClientOptions): SaslExchange.Mechanism => ({
  name: `SCRAM-${options.hash}${typeof options.binding === "object" ? "-PLUS" : ""}`,
  start: () => exchange(options)
})

function* exchange(options: ClientOptions): SaslExchange.Exchange {
  const { hash, binding, minimumIterations: minimum = minimumIterations } = options
  const identity = prepare(options)
  if (Result.isFailure(identity)) return identity.failure
  const { header, name, password } = identity.success

  const nonce = Base64.encode(yield* SaslExchange.random(18))
  const clientFirst = `n=${name},r=${nonce}`
  const serverFirst = Octets.fromUtf8(yield SaslExchange.respond(header + clientFirst)) ?? ""

  const parameters = readServerFirst(serverFirst, nonce, minimum)
  if (Result.isFailure(parameters)) return SaslExchange.badChallenge(parameters.failure)

  const bound = typeof binding === "object" ? binding.data : undefined
  const withoutProof = `c=${Gs2.boundHeader(header, bound)},r=${parameters.success.nonce}`
  const authMessage = Octets.utf8(`${clientFirst},${serverFirst},${withoutProof}`)
  const keys = yield* deriveKeys(hash, { ...parameters.success, password })
  const proof = Octets.xor(keys.client, yield* SaslExchange.hmac(hash, keys.stored, authMessage))
  const signature = yield* SaslExchange.hmac(hash, keys.server, authMessage)
  const serverFinal = Octets.fromUtf8(yield SaslExchange.respond(`${withoutProof},p=${Base64.encode(proof)}`)) ?? ""

  const error = Gs2.attribute("e", serverFinal.split(",")[0])
  if (error !== undefined) {
    yield SaslExchange.respond("", new SaslExchange.Refusal({ status: Failure.printable(error) }))
    return SaslExchange.askedAgain
  }
  if (!provesPassword(serverFinal, signature)) return impostor
  yield SaslExchange.conclude("")
  return SaslExchange.askedAgain
}

const prepare = ({ authzid, binding, password, username }: ClientOptions) =>
  Result.gen(function* () {
    const name = yield* CredentialText.prepared("user name", username)
    const secret = yield* CredentialText.prepared("password", Redacted.value(password))
    const actAs = yield* CredentialText.authorization(authzid)
    const header = `${gs2Flag(binding)},${Gs2.authorization(actAs)},`
    return { header, name: Gs2.escapeName(name), password: Octets.utf8(secret) }
  })

const gs2Flag = (binding: ClientOptions["binding"]): string =>
  binding === undefined ? "n" : binding === "unadvertised" ? "y" : `p=${binding.type}`

/**
 * The keys that follow from a password, salt and number of rounds (RFC 5802 section 3).
 *
 * @category models
 * @since 0.1.0
 */
export interface Keys {
  readonly client: Uint8Array
  readonly stored: Uint8Array
  readonly server: Uint8Array
}

/**
 * Derives the keys from a password that SASLprep has prepared. One PBKDF2 and some digests.
 *
 * @category computations
 * @since 0.1.0
 */
export function* deriveKeys(
  hash: Hash,
  options: { readonly password: Uint8Array; readonly salt: Uint8Array; readonly iterations: number }
): Generator<SaslExchange.Compute, Keys, Uint8Array> {
  const { password, salt, iterations } = options
  const salted = yield* SaslExchange.pbkdf2(hash, { password, salt, iterations })
  const client = yield* SaslExchange.hmac(hash, salted, Octets.utf8("Client Key"))
  return {
    client,
    stored: yield* SaslExchange.digest(hash, client),
    server: yield* SaslExchange.hmac(hash, salted, Octets.utf8("Server Key"))
  }
}

interface ServerFirst {
  readonly nonce: string
  readonly salt: Uint8Array
  readonly iterations: number
}

// `r=nonce,s=salt,i=count` and perhaps extensions that may be ignored; `m=` announces one that may not.
const readServerFirst = (text: string, ours: string, minimum: number): Result.Result<ServerFirst, string> => {
  const [first, second, third] = text.split(",")
  if (Gs2.attribute("m", first) !== undefined) return Result.fail("the server demands an unknown extension of SCRAM")
  const nonce = Gs2.attribute("r", first)
  const salt = Octets.fromBase64(Gs2.attribute("s", second) ?? "")
  const count = Gs2.attribute("i", third)
  if (nonce === undefined || salt === undefined || salt.length === 0 || count === undefined) {
    return Result.fail("the server's first SCRAM message is not r=nonce,s=salt,i=count")
  }
  if (!nonce.startsWith(ours) || nonce.length === ours.length || !printable.test(nonce)) {
    return Result.fail("the server's SCRAM nonce does not continue ours, so its message belongs to another exchange")
  }
  const iterations = /^[1-9]\d{0,8}$/.test(count) ? Number(count) : 0
  return iterations < Math.max(minimum, 1) || iterations > maximumIterations
    ? Result.fail(`the server asks for a number of SCRAM rounds outside ${minimum} to ${maximumIterations}`)
    : Result.succeed({ nonce, salt, iterations })
}

const printable = /^[\x21-\x2b\x2d-\x7e]*$/

const provesPassword = (serverFinal: string, signature: Uint8Array): boolean => {
  const verifier = Octets.fromBase64(Gs2.attribute("v", serverFinal.split(",")[0]) ?? "")
  return verifier !== undefined && Octets.constantTimeEquals(verifier, signature)
}

const impostor = SaslExchange.badChallenge(
  "the server did not prove that it knows the password",
  "Make sure that this is the server you mean: whoever answers there may only pretend to be it"
)
