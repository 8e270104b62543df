/**
 * Signing: keys are read once, and the mailer signs each message with those of its author's domain before it goes out. What has to be
 * published is printed, and the signatures are checked as a receiver checks them.
 */
import { NodeSha256 } from "@effect-mail/node"
import { Console, Effect, Layer, Redacted, Ref } from "effect"
import { Delivery, Mailer, Message, Signing } from "effect-mail"
import { dkimVerify } from "mailauth/lib/dkim/verify.js"
import * as Crypto from "node:crypto"

// In earnest the keys come from Config.Redacted, and stay what they are for months. NodeMailer.layerConfig reads one by itself.
const rsa = Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })
const ed25519 = Crypto.generateKeyPairSync("ed25519")
const pem = (key: Crypto.KeyObject) => Redacted.make(key.export({ format: "pem", type: "pkcs8" }).toString())

// Two signatures for example.com, for verifiers old and new, and one for another domain of ours.
const signing = Signing.layer({
  signers: [
    { domain: "example.com", selector: "2030a", key: pem(rsa.privateKey) },
    { domain: "example.com", selector: "2030b", key: pem(ed25519.privateKey) },
    { domain: "example.org", selector: "2030a", key: pem(rsa.privateKey) }
  ]
})

const letterFrom = (from: string) =>
  Message.make({
    from,
    to: "bob@example.net",
    subject: "Signed",
    text: "Whoever changes a word of this is found out.\n"
  })

const verify = (message: Uint8Array | undefined, records: ReadonlyMap<string, string>) =>
  Effect.promise(() =>
    dkimVerify(Buffer.from(message ?? []), { resolver: async (name: string) => [[records.get(name) ?? ""]] })
  )

const program = Effect.gen(function* () {
  const { signers } = yield* Signing.CurrentSigning
  const records = new Map(signers.map(({ record, recordName }) => [recordName, record]))
  for (const [name, record] of records) yield* Console.log(`${name} TXT "${record.slice(0, 40)}..."`)
  for (const from of ["Ada <ada@example.com>", "eve@example.org", "joe@elsewhere.example"]) {
    yield* Mailer.send(letterFrom(from))
  }
  for (const { body } of yield* Effect.flatMap(Delivery.Attempts, Ref.get)) {
    const { headerFrom, results } = yield* verify(body.bytes, records)
    const found = results.flatMap(({ algo, signingDomain, status }) =>
      signingDomain === undefined ? ["not signed"] : [`${signingDomain} ${algo} ${status.result}`]
    )
    yield* Console.log(`${headerFrom.join()}: ${found.join(", ")}`)
  }
})

// A mailer that sends nothing; with NodeMailer.layerRelay it is the same.
const mailer = Mailer.layerTest().pipe(Layer.provideMerge(Layer.merge(signing, NodeSha256.layer)))

await Effect.runPromise(Effect.provide(program, mailer))
