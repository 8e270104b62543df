/**
 * DKIM signatures as the environment asks for them. Body hashes need no memory and keys may lie in files, which only this
 * package can read.
 *
 * @since 0.1.0
 */
import * as Signing from "@effect-mail/message/Signing"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { file, wrong } from "./internal/environment.ts"
import * as NodeSha256 from "./NodeSha256.ts"

// Line ends of a PEM are often written \n where a variable cannot hold them.
const withLineEnds = (key: Redacted.Redacted) => Redacted.make(Redacted.value(key).replaceAll("\\n", "\n"))

const keyOf = Effect.gen(function* () {
  const text = yield* file("EFFECT_MAIL_DKIM_KEY_FILE", () => undefined)
  return text === undefined ? withLineEnds(yield* Config.Redacted("EFFECT_MAIL_DKIM_KEY")) : Redacted.make(text)
})

const variables: Readonly<Record<string, string>> = {
  "bad-domain": "EFFECT_MAIL_DKIM_DOMAIN",
  "bad-selector": "EFFECT_MAIL_DKIM_SELECTOR"
}

/**
 * Signs the mail of one domain as the environment says:
 *
 * - `EFFECT_MAIL_DKIM_DOMAIN`: the domain; without it, nothing is signed.
 * - `EFFECT_MAIL_DKIM_SELECTOR`: the name of the key.
 * - `EFFECT_MAIL_DKIM_KEY`: the private key, in PEM or as the base64 of an Ed25519 seed; or
 * - `EFFECT_MAIL_DKIM_KEY_FILE`: the path of a file that holds it.
 *
 * The layer fails with a `ConfigError` that says which of them is missing or cannot be used, without a word of the key. For several
 * domains or keys, or other options, use `Signing.layer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<never, Config.ConfigError> = Layer.unwrap(
  Effect.gen(function* () {
    const domain = yield* Config.option(Config.String("EFFECT_MAIL_DKIM_DOMAIN"))
    if (Option.isNone(domain) || domain.value === "") return Layer.empty
    const selector = yield* Config.String("EFFECT_MAIL_DKIM_SELECTOR")
    const key = yield* keyOf
    const signing = Effect.mapError(
      Signing.make({ signers: [{ domain: domain.value, selector, key }] }),
      ({ message, reason }) => wrong(variables[reason] ?? "EFFECT_MAIL_DKIM_KEY", message)
    )
    return Layer.merge(NodeSha256.layer, Layer.effect(Signing.CurrentSigning, signing))
  })
)
