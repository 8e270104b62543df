/**
 * ARC (RFC 8617): a host that passes on mail it did not write says what it found when the mail came, and seals that. It is for
 * forwarders and lists; who only sends needs DKIM and nothing else (ARC-003). The seal itself is made by `mailauth`, which has to be
 * installed beside this package.
 *
 * @since 0.1.0
 */
import type * as MessageError from "@effect-mail/message/MessageError"
import * as Parcel from "@effect-mail/message/Parcel"
import * as Address from "@effect-mail/protocol/Address"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"

/**
 * A message cannot be sealed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ArcError extends Schema.TaggedError<ArcError>("@effect-mail/node/ArcError")("ArcError", {
  /**
   * `not-installed`: there is no `mailauth`; `bad-option`: an option would break out of its field, or is none; `not-sealed`: the
   * chain of the message or the key allows no further seal.
   */
  reason: Schema.Literals(["not-installed", "bad-option", "not-sealed"]),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * Who seals, and what was found.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The sealing domain. */
  readonly domain: string
  /** The name of the key, as for DKIM. */
  readonly selector: string
  /** PEM of an RSA key. */
  readonly key: Redacted.Redacted
  /** What was found when the message came, as in Authentication-Results: `mx.example.com; spf=pass smtp.mailfrom=example.org`. */
  readonly authResults: string
  /** Whether the seals that are there hold; `none` when there are none (ARC-002). */
  readonly chain: "none" | "pass" | "fail"
}

const error = (reason: ArcError["reason"], detail: string) => new ArcError({ reason, detail })

const mailauth = Effect.tryPromise({
  try: () => import("mailauth"),
  catch: () => error("not-installed", "ARC needs the package mailauth: install it beside @effect-mail/node")
})

const isLabel = (text: string): boolean => /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(text)

const check = (options: Options): Effect.Effect<string, ArcError> => {
  const domain = Address.domainName(options.domain)
  if (Result.isFailure(domain)) return Effect.fail(error("bad-option", `domain: ${domain.failure.message}`))
  if (!options.selector.split(".").every(isLabel)) {
    return Effect.fail(error("bad-option", "selector: it is made of labels of letters, digits and inner hyphens"))
  }
  return /^[\t -~]+$/.test(options.authResults)
    ? Effect.succeed(domain.success)
    : Effect.fail(error("bad-option", "authResults: it is one line of printable ASCII"))
}

const inputOf = ({ bytes, stream }: Parcel.Body): Buffer | Readable =>
  bytes === undefined ? Readable.from(Stream.toAsyncIterable(stream)) : Buffer.from(bytes)

const asText = (fields: Uint8Array): string => `${Buffer.from(fields).toString("latin1").trimEnd()}\r\n`

/**
 * Seals a parcel: the three ARC fields of one set go in front, and what we composed goes out as 7bit from now on, which no server has
 * a reason to encode; nothing else changes. Fails with `ArcError`, and a body that cannot be
 * read fails as `not-sealed`, too.
 *
 * @category combinators
 * @since 0.1.0
 */
export const seal = (
  options: Options
): ((parcel: Parcel.Parcel) => Effect.Effect<Parcel.Parcel, ArcError | MessageError.MessageError>) =>
  Effect.fnUntraced(function* (given: Parcel.Parcel) {
    const parcel = Parcel.narrow(given, "7bit")
    const domain = yield* check(options)
    const { sealMessage } = yield* mailauth
    const fields = yield* Effect.tryPromise({
      try: () =>
        sealMessage(inputOf(parcel.body), {
          signingDomain: domain,
          selector: options.selector,
          privateKey: Redacted.value(options.key),
          authResults: options.authResults,
          cv: options.chain
        }),
      catch: (cause) => error("not-sealed", cause instanceof Error ? cause.message : "mailauth failed")
    })
    if (fields.length === 0)
      return yield* error("not-sealed", "The chain of the message or the key allows no further seal")
    return Parcel.prepend(parcel, asText(fields))
  })
