/**
 * Who signs an application's mail: DKIM signers of one or of several domains, of which each message gets those of its
 * author's domain, because only such a signature counts for DMARC (RFC 9989, DMARC-003). A mailer signs as `CurrentSigning`
 * says when its layer is built; `layer` sets it.
 *
 * @since 0.1.0
 */
import * as Address from "@effect-mail/protocol/Address"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as AddressList from "./AddressList.ts"
import * as Dkim from "./Dkim.ts"
import type * as DkimError from "./DkimError.ts"
import * as HeaderSection from "./internal/headerSection.ts"
import { headerOf } from "./internal/returned.ts"
import * as MessageError from "./MessageError.ts"
import type * as Parcel from "./Parcel.ts"
import { Sha256 } from "./Sha256.ts"

/**
 * The signers of an application, and how they sign.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signing extends Omit<Dkim.Options, "signers"> {
  /** Of any number of domains; none leaves all mail unsigned. */
  readonly signers: ReadonlyArray<Dkim.Signer>
}

/**
 * The same with keys that are still to be read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<Dkim.Options, "signers"> {
  readonly signers: ReadonlyArray<Dkim.SignerOptions>
}

/**
 * How mailers sign; by default not at all.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentSigning: Context.Reference<Signing> = Context.Reference("@effect-mail/message/CurrentSigning", {
  defaultValue: (): Signing => ({ signers: [] })
})

/**
 * Reads the keys. Fails like `Dkim.signer`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Signing, DkimError.DkimError> =>
  Effect.map(Effect.forEach(options.signers, Dkim.signer), (signers) => ({ ...options, signers }))

/**
 * Has the mailers above it sign; the keys are read once. The layer fails like `Dkim.signer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<never, DkimError.DkimError> =>
  Layer.effect(CurrentSigning, make(options))

const answersFor = (signer: Dkim.Signer, domain: string): boolean =>
  domain === signer.domain || domain.endsWith(`.${signer.domain}`)

/**
 * The signers of mail from a domain, which is given in lower-case A-labels: those of the domain itself, else of the
 * nearest domain above it that has any.
 *
 * @category getters
 * @since 0.1.0
 */
export const signersFor = ({ signers }: Signing, domain: string): ReadonlyArray<Dkim.Signer> => {
  const all = signers.filter((signer) => answersFor(signer, domain))
  const longest = Math.max(...all.map((signer) => signer.domain.length))
  return all.filter((signer) => signer.domain.length === longest)
}

// The domain of the first author; undefined for a message that names none.
const authorDomain = (header: Uint8Array): string | undefined => {
  const section = Result.getOrUndefined(HeaderSection.parse(header))
  const field = section?.fields.find((field) => HeaderSection.isNamed(section, field, "from"))
  if (section === undefined || field === undefined) return undefined
  const list = Result.flatMap(HeaderSection.value(section, field), (text) => AddressList.parse(text, "From"))
  const [author] = AddressList.mailboxes(Result.getOrElse(list, () => []))
  return author === undefined ? undefined : Address.asciiDomain(author.address).toLowerCase()
}

const cannotSign = (error: DkimError.DkimError | MessageError.MessageError): MessageError.MessageError =>
  error._tag === "MessageError" ? error : MessageError.make("cannot-sign", error.message, { field: "DKIM-Signature" })

/**
 * Signs a parcel as its author's domain: one DKIM-Signature for each signer of that domain, and nothing when there is none.
 * Fails with `cannot-sign` when the cryptography does, a message has more than one From field, or a CR or LF stands alone in a
 * binary one, and with the error of a body
 * that cannot be read.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sign =
  (signing: Signing) =>
  (parcel: Parcel.Parcel): Effect.Effect<Parcel.Parcel, MessageError.MessageError> => {
    if (signing.signers.length === 0) return Effect.succeed(parcel)
    return Effect.flatMap(headerOf(parcel.body), (header) => {
      const signers = signersFor(signing, authorDomain(header) ?? "")
      return Arr.isReadonlyArrayNonEmpty(signers)
        ? Effect.mapError(Dkim.sign({ ...signing, signers })(parcel), cannotSign)
        : Effect.succeed(parcel)
    })
  }

/**
 * `sign` as `CurrentSigning` and `Sha256` are now, whatever they are where it is used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const current: Effect.Effect<
  (parcel: Parcel.Parcel) => Effect.Effect<Parcel.Parcel, MessageError.MessageError>
> = Effect.gen(function* () {
  const signing = yield* CurrentSigning
  if (signing.signers.length === 0) return Effect.succeed
  const sha256 = yield* Sha256
  return (parcel) => Effect.provideService(sign(signing)(parcel), Sha256, sha256)
})
