/**
 * DKIM signatures (RFC 6376, RFC 8301, RFC 8463): the domain that answers for a message says so in its header. Signing
 * is the last thing that happens to a parcel: it is a function from parcel to parcel that stands behind `Render.render`,
 * and whatever changes the message afterwards breaks the signature. What is signed is therefore 7bit, which no server on the way has
 * a reason to encode (RFC 6376 section 5.3), unless the message was given as it is.
 *
 * The body is read once to be hashed; a streamed body is therefore produced twice, for hashing and for sending. What that
 * costs in memory depends on `Sha256`. RSA runs on the threads of WebCrypto, not on the event loop.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-mail/protocol/Address"
import * as DotStuffing from "@effect-mail/protocol/DotStuffing"
import type { BareLineEnd } from "@effect-mail/protocol/LineEndings"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Canonical from "./DkimCanonical.ts"
import * as DkimError from "./DkimError.ts"
import * as Encoding from "./Encoding.ts"
import * as Header from "./Header.ts"
import * as Bytes from "./internal/bytes.ts"
import * as Fields from "./internal/dkimFields.ts"
import * as Key from "./internal/dkimKey.ts"
import * as HeaderSection from "./internal/headerSection.ts"
import type { Splitter } from "./internal/splitter.ts"
import { makeSplitter } from "./internal/splitter.ts"
import type * as MessageError from "./MessageError.ts"
import * as Parcel from "./Parcel.ts"
import * as Sha256 from "./Sha256.ts"

/**
 * How much of a change on the way a signature forgives, for header and body: `relaxed` ignores how white space was
 * written, `simple` nothing (RFC 6376 section 3.4).
 *
 * @category models
 * @since 0.1.0
 */
export type Canonicalization = `${Canonical.Form}/${Canonical.Form}`

/**
 * One key of one domain, ready to sign. The key itself cannot be seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signer {
  /** In A-labels. */
  readonly domain: string
  readonly selector: string
  readonly algorithm: "rsa-sha256" | "ed25519-sha256"
  /** Who it is within the domain (RFC 6376 section 3.5, i=), when that is to be said. */
  readonly identity: string | undefined
  /** The name at which verifiers look for the key: `<selector>._domainkey.<domain>`. */
  readonly recordName: string
  /** The TXT record that must stand there (RFC 6376 section 3.6.1). */
  readonly record: string
  /** The signature over octets. */
  readonly sign: (data: Uint8Array) => Effect.Effect<Uint8Array, DkimError.DkimError>
}

/**
 * What a signer is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignerOptions {
  /** The signing domain, in U-labels or A-labels. For DMARC it is the author's. */
  readonly domain: string
  /** The name of the key, such as `2030a`; dots are allowed. */
  readonly selector: string
  /** PEM of an RSA or an Ed25519 key (PKCS#8, for RSA also PKCS#1), or base64 of an Ed25519 seed. */
  readonly key: Redacted.Redacted
  /**
   * Who within the domain answers for the mail, as `user@news.example.com` or `@news.example.com`: an address of the domain or of
   * one below it (DKIM-012). By default nothing is said, which means the domain as a whole.
   */
  readonly identity?: string | undefined
}

/**
 * How to sign.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Each adds a field of its own; give an RSA and an Ed25519 one for verifiers old and new (DKIM-002). */
  readonly signers: NonEmptyReadonlyArray<Signer>
  /** `relaxed/relaxed` by default. */
  readonly canonicalization?: Canonicalization | undefined
  /** Names of the fields to sign as often as they occur; by default all that say who wrote what to whom (DKIM-008). */
  readonly headers?: ReadonlyArray<string> | undefined
  /**
   * Names to sign once more than they occur, so that nobody can add such a field; From, Reply-To, To, Cc, Subject, Date
   * and Content-Type by default (DKIM-009). From is always among them.
   */
  readonly oversign?: ReadonlyArray<string> | undefined
  /** How long the signature holds, from now on; without end by default. */
  readonly expiresAfter?: Duration.Input | undefined
}

const isLabel = (text: string): boolean => text.length <= 63 && /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(text)

const domainOf = (text: string): Result.Result<string, DkimError.DkimError> =>
  Result.mapError(Address.domainName(text), (error) => DkimError.make("bad-domain", error.message))

const selectorOf = (text: string): Result.Result<string, DkimError.DkimError> =>
  text.split(".").every(isLabel)
    ? Result.succeed(text)
    : Result.fail(DkimError.make("bad-selector", "A selector is made of labels of letters, digits and inner hyphens"))

const badIdentity = () =>
  Result.fail(
    DkimError.make(
      "bad-identity",
      "The identity is an address of the domain, or @ and a name below it (RFC 6376 section 3.5)"
    )
  )

// What would end a tag or a line is escaped (RFC 6376 section 2.11).
const tagText = (text: string): string =>
  text.replace(/[=; ]/g, (char) => `=${char.charCodeAt(0).toString(16).toUpperCase()}`)

const identityOf = (
  text: string | undefined,
  domain: string
): Result.Result<string | undefined, DkimError.DkimError> => {
  if (text === undefined) return Result.succeed(undefined)
  const parsed = Address.parse(text.startsWith("@") ? `x${text}` : text)
  if (Result.isFailure(parsed)) return badIdentity()
  const ascii = Address.toAscii(parsed.success)
  const name = Address.asciiDomain(parsed.success).toLowerCase()
  if (ascii === undefined || (name !== domain && !name.endsWith(`.${domain}`))) return badIdentity()
  return Result.succeed(text.startsWith("@") ? `@${name}` : `${tagText(Address.localPart(ascii))}@${name}`)
}

const platform = (error: { readonly message: string }) => DkimError.make("platform", error.message)

// Ed25519 signs the hash of the data, not the data (RFC 8463 section 3, DKIM-003).
const sha256 = (data: Uint8Array): Effect.Effect<Uint8Array, DkimError.DkimError> =>
  Effect.flatMap(Sha256.Sha256, (begin) => {
    const hash = begin()
    hash.update(data)
    return Effect.mapError(hash.digest, platform)
  })

/**
 * Reads a key and checks everything that can be known before the first message is signed. Fails with `bad-domain`,
 * `bad-selector`, `bad-identity`, and `bad-key` for a key that cannot be read or an RSA key of less than 1024 or more than 4096 bits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const signer = Effect.fnUntraced(function* (
  options: SignerOptions
): Effect.fn.Return<Signer, DkimError.DkimError> {
  const domain = yield* Effect.fromResult(domainOf(options.domain))
  const selector = yield* Effect.fromResult(selectorOf(options.selector))
  const identity = yield* Effect.fromResult(identityOf(options.identity, domain))
  const key = yield* Key.read(Redacted.value(options.key))
  const signature = yield* Key.service
  const published = yield* Key.publicPart(signature, key)
  const ed25519 = key.algorithm._tag === "Ed25519"
  return {
    domain,
    selector,
    identity,
    algorithm: ed25519 ? "ed25519-sha256" : "rsa-sha256",
    recordName: `${selector}._domainkey.${domain}`,
    record: `v=DKIM1; k=${ed25519 ? "ed25519" : "rsa"}; p=${published}`,
    sign: (data) =>
      Effect.flatMap(ed25519 ? sha256(data) : Effect.succeed(data), (octets) =>
        Effect.mapError(signature.sign(key, octets), platform)
      )
  }
})

interface Plan {
  readonly signers: Options["signers"]
  readonly header: Canonical.Form
  readonly body: Canonical.Form
  readonly signed: ReadonlyArray<string> | undefined
  readonly oversigned: ReadonlySet<string>
  readonly lifetime: number | undefined
}

const lower = (names: ReadonlyArray<string>): ReadonlyArray<string> => names.map((name) => name.toLowerCase())

const formOf = (text: string | undefined): Canonical.Form => (text === "simple" ? "simple" : "relaxed")

const lifetimeOf = (input: Options["expiresAfter"]): number | undefined => {
  const seconds = input === undefined ? Infinity : Math.ceil(Duration.toSeconds(input))
  return seconds === Infinity ? undefined : Math.max(1, seconds)
}

const planOf = (options: Options): Plan => {
  const [header, body] = (options.canonicalization ?? "relaxed/relaxed").split("/")
  return {
    signers: options.signers,
    header: formOf(header),
    body: formOf(body),
    signed: options.headers === undefined ? undefined : lower(options.headers),
    oversigned: new Set(["from", ...lower(options.oversign ?? Fields.oversignedNames)]),
    lifetime: lifetimeOf(options.expiresAfter)
  }
}

// A name within h= is cut off by what separates names and tags.
const checkNames = (names: ReadonlyArray<string>): Effect.Effect<void, DkimError.DkimError> => {
  const bad = names.find((name) => name.includes(";") || Result.isFailure(Header.checkName(name)))
  return bad === undefined
    ? Effect.void
    : Effect.fail(DkimError.make("bad-option", "One of the header names to sign is not a field name"))
}

const bareLineEnd = ({ found, offset }: BareLineEnd) =>
  DkimError.make(
    "bare-line-end",
    `A ${found} stands alone at octet ${offset} of the message, and a signature is over lines`
  )

type Read = Result.Result<void, DkimError.DkimError | MessageError.MessageError>

// The canonical forms know no line end but CRLF (RFC 6376 section 5.3), which everything that is not binary has.
const readerOf = (splitter: Splitter, { encoding }: Parcel.Body) => {
  const lines = encoding === "binary" ? DotStuffing.stuffer() : undefined
  const looked = (seen: Result.Result<Uint8Array, BareLineEnd> | undefined): Read =>
    seen === undefined ? Result.void : Result.mapBoth(seen, { onSuccess: () => {}, onFailure: bareLineEnd })
  return {
    write: (octets: Uint8Array): Read =>
      Result.flatMap(looked(lines?.push(octets)), (): Read => splitter.write(octets)),
    end: (): Read => looked(lines?.end())
  }
}

// What fits into memory anyway is taken at once.
const readInto = Effect.fnUntraced(function* (splitter: Splitter, body: Parcel.Body) {
  const reader = readerOf(splitter, body)
  const write = (octets: Uint8Array) => Effect.fromResult(reader.write(octets))
  yield* body.bytes === undefined ? Stream.runForEach(Parcel.transientStream(body), write) : write(body.bytes)
  yield* Effect.fromResult(reader.end())
})

const readParcel = Effect.fnUntraced(function* (parcel: Parcel.Parcel, form: Canonical.Form) {
  const hash = (yield* Sha256.Sha256)()
  const splitter = makeSplitter(Canonical.body(form, hash.update))
  yield* readInto(splitter, parcel.body)
  const header = splitter.end()
  const section = yield* Effect.fromResult(HeaderSection.parse(header))
  return { fields: Fields.fieldsOf(section), bodyHash: yield* Effect.mapError(hash.digest, platform) }
})

const base64 = (octets: Uint8Array): ReadonlyArray<string> => Bytes.binary(Encoding.base64(octets)).split("\r\n")

interface Content {
  readonly names: ReadonlyArray<string>
  readonly bodyHash: string
  readonly now: number
}

const tagsOf = (plan: Plan, signer: Signer, { bodyHash, names, now }: Content): ReadonlyArray<string> => [
  "v=1;",
  `a=${signer.algorithm};`,
  `c=${plan.header}/${plan.body};`,
  `d=${signer.domain};`,
  ...(signer.identity === undefined ? [] : [`i=${signer.identity};`]),
  `s=${signer.selector};`,
  `t=${now};`,
  ...(plan.lifetime === undefined ? [] : [`x=${now + plan.lifetime};`]),
  ...names.map((name, i) => `${i === 0 ? "h=" : ""}${name}${i < names.length - 1 ? ":" : ";"}`),
  `bh=${bodyHash};`,
  "b="
]

const signWith = Effect.fnUntraced(function* (plan: Plan, signer: Signer, fields: Canonical.Fields, content: Content) {
  const unsigned = yield* Effect.fromResult(Header.structured("DKIM-Signature", tagsOf(plan, signer, content)))
  const signature = yield* signer.sign(Canonical.signedOctets(plan.header, fields, content.names, unsigned))
  return `${unsigned.slice(0, -2)}\r\n ${base64(signature).join("\r\n ")}\r\n`
})

/**
 * Signs parcels: one DKIM-Signature field for each signer goes in front, and what we composed goes out as 7bit from now on; nothing
 * else changes. The time of signing comes from `Clock`.
 *
 * Fails with `DkimError`: `no-author` for a message without exactly one From field, `bare-line-end` for a binary one in which
 * a CR or LF stands alone, `bad-option` for a header name that is none, `platform` when the cryptography fails; and with the
 * `MessageError` of a body that cannot be read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sign = (
  options: Options
): ((parcel: Parcel.Parcel) => Effect.Effect<Parcel.Parcel, DkimError.DkimError | MessageError.MessageError>) => {
  const plan = planOf(options)
  const checked = checkNames([...plan.oversigned, ...(plan.signed ?? [])])
  return Effect.fnUntraced(function* (given: Parcel.Parcel) {
    yield* checked
    const parcel = Parcel.narrow(given, "7bit")
    const { bodyHash, fields } = yield* readParcel(parcel, plan.body)
    if (fields.get("from")?.length !== 1) {
      return yield* DkimError.make("no-author", "Only a message with exactly one From field can be signed")
    }
    const names = Fields.namesOf(fields, plan.signed, plan.oversigned)
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const content = { names, bodyHash: base64(bodyHash).join(""), now }
    const added = yield* Effect.forEach(plan.signers, (signer) => signWith(plan, signer, fields, content), {
      concurrency: plan.signers.length === 1 ? 1 : "unbounded"
    })
    return Parcel.prepend(parcel, added.join(""))
  })
}
