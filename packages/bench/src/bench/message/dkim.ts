/** DKIM signatures of a message of 10 kB that is at hand. */
import { generateKeyPairSync } from "node:crypto"
import { mailauth, nodemailer, ours } from "../Peers.ts"
import type { Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"

const line = "A line of text as people and programs write it, about seventy octets long.\r\n"

const message = Buffer.from(
  [
    "From: Ada Lovelace <ada@example.com>",
    "To: Bob <bob@example.net>",
    "Subject: Your order of today",
    "Date: Tue, 01 Jan 2030 00:00:00 +0000",
    "Message-ID: <1@example.com>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "",
    line.repeat(131)
  ].join("\r\n")
)

type Kind = "rsa" | "rsa-4096" | "ed25519"

// Keys are made anew in each process: all that matters is that the signature holds.
const keyOf = (kind: Kind) => {
  const { privateKey, publicKey } =
    kind === "ed25519"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("rsa", { modulusLength: kind === "rsa" ? 2048 : 4096 })
  const der = publicKey.export({ type: "spki", format: "der" })
  return {
    pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    // RFC 8463 section 4: the key itself, which stands at the end of its SPKI form.
    record: `v=DKIM1; k=${kind === "ed25519" ? kind : "rsa"}; p=${(kind === "ed25519" ? der.subarray(-32) : der).toString("base64")}`
  }
}

const place = { domain: "example.com", selector: "bench" }

const verdicts = (record: string) => async (signed: Uint8Array) => {
  const { dkimVerify } = await import("mailauth/lib/dkim/verify.js")
  const { results } = await dkimVerify(Buffer.from(signed), { resolver: async () => [[record]] })
  return results.map(({ status }) => status.result)
}

const effectMail = async (kind: Kind): Promise<Work> => {
  const Dkim = await import("@effect-mail/message/Dkim")
  const Parcel = await import("@effect-mail/message/Parcel")
  const Envelope = await import("@effect-mail/protocol/Envelope")
  const NodeSha256 = await import("@effect-mail/node/NodeSha256")
  const { Sha256 } = await import("@effect-mail/message/Sha256")
  const Effect = await import("effect/Effect")
  const Redacted = await import("effect/Redacted")
  const Result = await import("effect/Result")
  const { pem, record } = keyOf(kind)
  const signer = await Effect.runPromise(Dkim.signer({ ...place, key: Redacted.make(pem) }))
  const envelope = Result.getOrThrow(Envelope.make({ from: "ada@example.com", to: "bob@example.net" }))
  const parcel = Result.getOrThrow(Parcel.fromBytes(message, envelope))
  const sign = Dkim.sign({ signers: [signer] })(parcel).pipe(
    Effect.map(({ body }) => body.bytes ?? new Uint8Array()),
    // As in a mailer, which has it from the time when its layer was built.
    Effect.provideService(Sha256, await Effect.runPromise(Effect.provide(Sha256, NodeSha256.layer)))
  )
  return work(() => Effect.runPromise(sign), verdicts(record))
}

const signedByMailauth = async (kind: Kind): Promise<Work> => {
  const { dkimSign } = await import("mailauth/lib/dkim/sign.js")
  const { pem, record } = keyOf(kind)
  const signer = { signingDomain: place.domain, selector: place.selector, privateKey: pem }
  // Its types ask for one signer beside the list of them.
  const options = { ...signer, canonicalization: "relaxed/relaxed", signatureData: [signer] }
  return work(async () => {
    const { signatures } = await dkimSign(message, options)
    return Buffer.concat([Buffer.from(signatures), message])
  }, verdicts(record))
}

const signedByNodemailer = async (kind: Kind): Promise<Work> => {
  const { default: Dkim } = await import("nodemailer/lib/dkim")
  const { pem, record } = keyOf(kind)
  const signer = new Dkim({ domainName: place.domain, keySelector: place.selector, privateKey: pem })
  return work(async () => {
    const pieces: Array<Uint8Array> = []
    for await (const piece of signer.sign(message)) pieces.push(Buffer.from(piece as Uint8Array))
    return Buffer.concat(pieces)
  }, verdicts(record))
}

const signatures = 20

// Who signs in the turn that asks for it lets the loop turn once or twice for a signature, however long that takes. It is
// counted and not timed, so that it holds on a busy machine.
const turning = async (prepared: Promise<Work>, atLeast?: number): Promise<Work> => {
  const { output, run } = await prepared
  const gauge = async () => {
    let turns = 0
    let signing = true
    const turn = () => {
      turns++
      if (signing) setImmediate(turn)
    }
    setImmediate(turn)
    for (let n = 0; n < signatures; n++) await run()
    signing = false
    return { name: "turns of the event loop during a signature", value: turns / signatures, unit: "turns", atLeast }
  }
  return { output, run, gauges: async () => [await gauge()] }
}

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "dkim/ed25519",
    title: "Ed25519, a message of 10 kB",
    unit: "signatures",
    items: 1,
    // 150 microseconds each.
    goal: 6667,
    implementations: [
      { ...ours, prepare: () => effectMail("ed25519") },
      { ...mailauth, prepare: () => signedByMailauth("ed25519") }
    ]
  },
  {
    name: "dkim/rsa",
    title: "RSA of 2048 bits, a message of 10 kB",
    unit: "signatures",
    items: 1,
    implementations: [
      { ...ours, prepare: () => effectMail("rsa") },
      { ...mailauth, prepare: () => signedByMailauth("rsa") },
      { ...nodemailer, prepare: () => signedByNodemailer("rsa") }
    ]
  },
  {
    name: "dkim/rsa-4096",
    title: "RSA of 4096 bits, a message of 10 kB: whether the event loop goes on meanwhile",
    unit: "signatures",
    items: 1,
    implementations: [
      { ...ours, prepare: () => turning(effectMail("rsa-4096"), 100) },
      { ...mailauth, prepare: () => turning(signedByMailauth("rsa-4096")) },
      { ...nodemailer, prepare: () => turning(signedByNodemailer("rsa-4096")) }
    ]
  }
]
