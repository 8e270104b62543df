/**
 * Signing: two keys are read once, every parcel passes through one function, and what must be published is printed. The
 * signatures are checked here the long way, as a receiver would check them.
 */
import { NodeSha256 } from "@effect-mail/node"
import { Console, Effect, Redacted } from "effect"
import { Dkim, Message, Render } from "effect-mail"
import * as Crypto from "node:crypto"

// In earnest the keys come from Config.redacted, and stay what they are for months.
const rsa = Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })
const ed25519 = Crypto.generateKeyPairSync("ed25519")
const pem = (key: Crypto.KeyObject) => Redacted.make(key.export({ format: "pem", type: "pkcs8" }).toString())

const message = Message.make({
  from: "Ada Lovelace <ada@example.com>",
  to: "bob@example.net",
  subject: "Signed",
  text: "Whoever changes a word of this is found out.\n"
})

const program = Effect.gen(function* () {
  const signers = yield* Effect.all([
    Dkim.signer({ domain: "example.com", selector: "2030a", key: pem(rsa.privateKey) }),
    Dkim.signer({ domain: "example.com", selector: "2030b", key: pem(ed25519.privateKey) })
  ])
  for (const { record, recordName } of signers) yield* Console.log(`${recordName} TXT "${record.slice(0, 40)}..."`)
  const { body } = yield* Effect.flatMap(Render.render(message), Dkim.sign({ signers }))
  const text = new TextDecoder().decode(body.bytes)
  const tags = [...text.matchAll(/ (a|s|bh)=([^;]*);/g)].map(([, name, value]) => `${name}=${value}`)
  yield* Console.log(tags.join(" "))
  const relaxed = text.slice(text.indexOf("\r\n\r\n") + 4)
  const bodyHash = Crypto.createHash("sha256").update(relaxed).digest("base64")
  yield* Console.log(`the body hash is right: ${tags.includes(`bh=${bodyHash}`)}`)
})

await Effect.runPromise(Effect.provide(program, NodeSha256.layer))
