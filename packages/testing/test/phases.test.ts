/** What the scripted server can do at each point of a session (SMTP-289). */
import { Reply } from "@effect-mail/protocol"
import { Mailbox, MailServer, MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { Dialer, type Wire } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

const place = { host: "mx.example.com", address: "192.0.2.25", port: 25 }
const dial = Effect.flatMap(Dialer.Dialer, ({ open }) => open({ ...place, timeout: Duration.minutes(1) }))
const say = (wire: Wire.Wire, text: string) => wire.write([new TextEncoder().encode(text)])
const hear = (wire: Wire.Wire) => Effect.map(wire.read, (chunk) => new TextDecoder("latin1").decode(chunk))

// A session: what the client says at each point, how the server hears it, and what it answers when all is well.
const session: ReadonlyArray<readonly [phase: string, said: string, heard: Script.Script, answer: string]> = [
  ["connect", "", [], "220 mx.example.com"],
  ["ehlo", "EHLO client.example\r\n", [Script.expect("EHLO client.example")], "250 mx.example.com"],
  ["mail", "MAIL FROM:<a@b.example>\r\n", [Script.expectPrefix("MAIL ")], "250 ok"],
  ["rcpt", "RCPT TO:<c@d.example>\r\n", [Script.expect("RCPT TO:<c@d.example>")], "250 ok"],
  ["data", "DATA\r\n", [Script.expect("DATA")], "354 go"],
  ["data-end", "Hi\r\n..\r\n.\r\n", [Script.expectContent("Hi\r\n.\r\n")], "250 taken"],
  ["quit", "QUIT\r\n", [Script.expectBytes("QUIT\r\n")], "221 bye"]
]

const garbage = Uint8Array.of(0x16, 0x03, 0x01, 0xff, 0x00)

// What the server does instead, and what the client hears of it until the connection ends.
const deeds: Readonly<Record<string, readonly [deed: Script.Script, heard: ReadonlyArray<string>]>> = {
  "says another code and text": [
    [Script.reply("451-4.3.0 a", "451 4.3.0 b"), Script.close],
    ["451-4.3.0 a\r\n451 4.3.0 b\r\n"]
  ],
  "waits, and then says it": [[Script.pause("1 minute"), Script.reply("250 late"), Script.close], ["250 late\r\n"]],
  "says it in pieces": [
    [Script.send("4", "21 b", "ye\r\n"), Script.close],
    ["4", "21 b", "ye\r\n"]
  ],
  "says garbage": [[Script.send(garbage), Script.close], ["\x16\x03\x01\xff\0"]],
  "hangs up": [[Script.close], []],
  "resets the connection": [[Script.reset], []]
}

// Says all before the point in question, and hears what comes then until the connection ends.
const client = Effect.fnUntraced(function* (point: number) {
  const wire = yield* dial
  for (const [, said] of session.slice(1, point + 1)) {
    yield* hear(wire)
    yield* say(wire, said)
  }
  const heard: Array<string> = []
  yield* Effect.ignore(Effect.forever(Effect.map(hear(wire), (text) => heard.push(text))))
  return heard
})

describe("at each point of a session the server (SMTP-289)", () => {
  for (const [point, [phase]] of session.entries()) {
    for (const [what, [deed, heard]] of Object.entries(deeds)) {
      it.effect(`${phase}: ${what}`, () =>
        Effect.gen(function* () {
          const before = session.slice(0, point).flatMap(([, , step, answer]) => [...step, Script.reply(answer)])
          const [, , here = []] = session[point] ?? []
          yield* ScriptedServer.listen(place, [...before, ...here, ...deed])
          const fiber = yield* Effect.forkChild(client(point))
          yield* Effect.forEach(Array.from({ length: 100 }), () => Effect.yieldNow, { discard: true })
          if (what.startsWith("waits")) {
            assert.isUndefined(fiber.pollUnsafe())
            yield* TestClock.adjust("1 minute")
          }
          assert.deepStrictEqual(yield* Fiber.join(fiber), heard)
        }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
      )
    }
  }
})

describe("a mail server (SMTP-289)", () => {
  it.effect("has recipients whom it takes, refuses for now and refuses for good, and keeps what it took", () => {
    const decide: MailServer.Decide = (question) =>
      Effect.succeed(
        question._tag !== "Rcpt"
          ? undefined
          : question.forwardPath.startsWith("temp@")
            ? Reply.make(450, "4.2.1 later")
            : question.forwardPath.startsWith("perm@")
              ? Reply.make(550, "5.1.1 never")
              : undefined
      )
    const layer = MailServer.layerMemory(place, { decide }).pipe(
      Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
    )
    return Effect.gen(function* () {
      const wire = yield* dial
      const answers: Array<string> = [yield* hear(wire)]
      for (const line of [
        "EHLO c",
        "MAIL FROM:<a@b.example>",
        "RCPT TO:<temp@d.example>",
        "RCPT TO:<perm@d.example>",
        "RCPT TO:<good@d.example>",
        "DATA",
        "Subject: x\r\n\r\n..\r\n."
      ]) {
        yield* say(wire, `${line}\r\n`)
        answers.push(yield* hear(wire))
      }
      assert.deepStrictEqual(
        answers.map((answer) => answer.slice(0, 3)),
        ["220", "250", "250", "450", "550", "250", "354", "250"]
      )
      const [mail] = yield* (yield* Mailbox.Mailbox).all
      assert.deepStrictEqual(mail?.recipients, ["good@d.example"])
      assert.strictEqual(new TextDecoder().decode(mail?.content), "Subject: x\r\n\r\n.\r\n")
    }).pipe(Effect.scoped, Effect.provide(layer))
  })
})
