import { NodeArc } from "@effect-mail/node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import { Attachment, Message, Parcel, Render } from "effect-mail"
import { authenticate } from "mailauth"
import { spawnSync } from "node:child_process"
import * as Crypto from "node:crypto"

const keys = Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })
const key = Redacted.make(keys.privateKey.export({ format: "pem", type: "pkcs8" }).toString())
const record = `v=DKIM1; k=rsa; p=${keys.publicKey.export({ format: "der", type: "spki" }).toString("base64")}`

const options: NodeArc.Options = {
  domain: "lists.example.net",
  selector: "arc",
  key,
  authResults: "mx.lists.example.net; spf=pass smtp.mailfrom=ada@example.com",
  chain: "none"
}

const message = Message.make({
  from: "ada@example.com",
  to: "list@example.net",
  subject: "Grüße",
  text: "Hi  there, J\u00fcrgen \n"
})

const bytesOf = ({ body }: Parcel.Parcel) =>
  Effect.map(Stream.runCollect(body.stream), (pieces) => Buffer.concat(Array.from(pieces)))

const sealed = (message: Message.Message, changes: Partial<NodeArc.Options> = {}) =>
  Effect.flatMap(Render.render(message), NodeArc.seal({ ...options, ...changes }))

const verdict = (message: Buffer) =>
  Effect.map(
    Effect.promise(() =>
      authenticate(message, {
        ip: "192.0.2.1",
        helo: "mx.example.org",
        sender: "list@example.net",
        mta: "mx.example.org",
        disableDmarc: true,
        disableBimi: true,
        resolver: async (name, type) => (type === "TXT" && name.startsWith("arc._domainkey.") ? [[record]] : [])
      })
    ),
    ({ arc }) => [arc === false ? "none" : arc.status.result, arc === false ? 0 : arc.i]
  )

const large = Message.attach(
  message,
  Attachment.stream(Stream.succeed(new Uint8Array(200_000).map((_, i) => i * 7)), { name: "a.bin" })
)

describe("ARC (RFC 8617)", () => {
  it.effect("ARC-001: a sealed message passes, at hand or streamed, and is otherwise what it was", () =>
    Effect.gen(function* () {
      for (const one of [message, large]) {
        const parcel = yield* sealed(one)
        const all = yield* bytesOf(parcel)
        assert.match(all.toString("latin1"), /^ARC-Seal: i=1;/)
        assert.deepStrictEqual(yield* verdict(all), ["pass", 1])
        if (parcel.body.size !== undefined) assert.strictEqual(parcel.body.size, all.length)
        assert.deepStrictEqual(yield* verdict(Buffer.from(all.toString("latin1").replace("Hi  there", "Hi you"))), [
          "fail",
          1
        ])
      }
    })
  )

  it.effect("DKIM-015: what is sealed is 7bit, and nothing else is sent", () =>
    Effect.gen(function* () {
      const parcel = yield* sealed(message)
      assert.deepStrictEqual([parcel.body.encoding, parcel.body.narrower], ["7bit", undefined])
      assert.include((yield* bytesOf(parcel)).toString(), "Content-Transfer-Encoding: quoted-printable")
    })
  )

  it.effect("ARC-002: a second host seals the seal, and none is put on a chain that failed", () =>
    Effect.gen(function* () {
      const first = yield* sealed(message)
      const second = yield* NodeArc.seal({ ...options, domain: "forward.example.org", chain: "pass" })(first)
      assert.deepStrictEqual(yield* verdict(yield* bytesOf(second)), ["pass", 2])
      const broken = yield* NodeArc.seal({ ...options, chain: "fail" })(first)
      const error = yield* Effect.flip(NodeArc.seal({ ...options, chain: "pass" })(broken))
      assert.deepStrictEqual([error._tag, "reason" in error && error.reason], ["ArcError", "not-sealed"])
    })
  )

  it.effect("refuses options that are none, or would break out of their field, and a key that is none", () =>
    Effect.gen(function* () {
      for (const [changes, reason] of [
        [{ domain: "a b" }, "bad-option"],
        [{ selector: "a;b" }, "bad-option"],
        [{ authResults: "mx.example; none\r\nBcc: eve@example.com" }, "bad-option"],
        [{ authResults: "" }, "bad-option"],
        [{ key: Redacted.make("secret-secret") }, "not-sealed"]
      ] as const) {
        const error = yield* Effect.flip(sealed(message, changes))
        assert.strictEqual("reason" in error && error.reason, reason)
        assert.notInclude(error.message, "secret-secret")
      }
    })
  )

  const python = "/usr/bin/python3"
  const hasDkimpy = spawnSync(python, ["-c", "import dkim, nacl"]).status === 0
  if (!hasDkimpy) process.stderr.write("ARC is not verified by dkimpy: install python3-dkim and python3-nacl\n")

  it.effect.skipIf(!hasDkimpy)("passes with dkimpy, too (skipped where python3-dkim is missing)", () =>
    Effect.gen(function* () {
      const all = yield* Effect.flatMap(sealed(message), bytesOf)
      const program = [
        "import dkim, json, sys, base64",
        "given = json.load(sys.stdin)",
        "cv, _, reason = dkim.arc_verify(base64.b64decode(given['message']), dnsfunc=lambda name, timeout=5: given['record'].encode())",
        "print(cv.decode(), reason)"
      ].join("\n")
      const { stderr, stdout } = spawnSync(python, ["-c", program], {
        input: JSON.stringify({ record, message: all.toString("base64") }),
        encoding: "utf8"
      })
      assert.deepStrictEqual([stdout.trim().split(" ")[0], stderr], ["pass", ""])
    })
  )
})
