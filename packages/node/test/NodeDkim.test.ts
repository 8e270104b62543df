import * as Signing from "@effect-mail/message/Signing"
import { NodeDkim } from "@effect-mail/node"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
const pem = Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })
  .privateKey.export({ format: "pem", type: "pkcs8" })
  .toString()

const signers = (variables: Readonly<Record<string, string>>) =>
  Effect.map(Signing.CurrentSigning, ({ signers }) =>
    signers.map(({ algorithm, domain, selector }) => [domain, selector, algorithm])
  ).pipe(
    Effect.provide(NodeDkim.layerConfig),
    Effect.provideService(
      ConfigProvider.ConfigProvider,
      ConfigProvider.fromUnknown(
        Object.fromEntries(Object.entries(variables).map(([name, value]) => [`EFFECT_MAIL_DKIM_${name}`, value]))
      )
    )
  )

const place = { DOMAIN: "example.com", SELECTOR: "2030a" }

const inFolder = <A, E>(use: (folder: string) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mail-"))),
    use,
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
  )

describe("NodeDkim.layerConfig", () => {
  it.effect("signs nothing without a domain", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* signers({}), [])
      assert.deepStrictEqual(yield* signers({ KEY: seed }), [])
      assert.deepStrictEqual(yield* signers({ DOMAIN: "", SELECTOR: "", KEY: "" }), [])
    })
  )

  it.effect("takes the key from the variable, line ends written \\n or not, or from a file", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const file = Path.join(folder, "key.pem")
        Fs.writeFileSync(file, pem)
        const rsa = [["example.com", "2030a", "rsa-sha256"]]
        assert.deepStrictEqual(yield* signers({ ...place, KEY: seed }), [["example.com", "2030a", "ed25519-sha256"]])
        assert.deepStrictEqual(yield* signers({ ...place, KEY: pem }), rsa)
        assert.deepStrictEqual(yield* signers({ ...place, KEY: pem.replaceAll("\n", "\\n") }), rsa)
        assert.deepStrictEqual(yield* signers({ ...place, KEY_FILE: file }), rsa)
      })
    )
  )

  it.effect("says which variable is missing or wrong, and nothing of the key", () =>
    Effect.gen(function* () {
      const secret = "c2VjcmV0LXNlY3JldA=="
      for (const [variables, named] of [
        [{ DOMAIN: "example.com" }, "EFFECT_MAIL_DKIM_SELECTOR"],
        [place, "EFFECT_MAIL_DKIM_KEY"],
        [{ ...place, KEY: secret }, "EFFECT_MAIL_DKIM_KEY"],
        [{ ...place, KEY_FILE: "/nowhere/key.pem" }, "EFFECT_MAIL_DKIM_KEY_FILE"],
        [{ ...place, DOMAIN: "exa mple.com", KEY: seed }, "EFFECT_MAIL_DKIM_DOMAIN"],
        [{ ...place, SELECTOR: "a b", KEY: seed }, "EFFECT_MAIL_DKIM_SELECTOR"]
      ] as const) {
        const error = yield* Effect.flip(signers(variables))
        assert.strictEqual(error._tag, "ConfigError")
        assert.include(error.message, named)
        assert.notInclude(error.message, secret)
      }
    })
  )
})
