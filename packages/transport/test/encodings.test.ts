/** In which encoding a message goes: the widest of its own that the server in front of us offers to take. */
import { Attachment, Encoding, Message, Parcel, Render } from "@effect-mail/message"
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import { Arbitraries, Mailbox, MailServer, MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import {
  FileTransport,
  LogTransport,
  NodemailerTransport,
  SendmailTransport,
  SmtpPool,
  SmtpSession,
  SmtpTransport
} from "@effect-mail/transport"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Schema, type Scope, Stream } from "effect"
import { filesIn, folder, read } from "./support/folder.ts"
import { program } from "./support/sendmail.ts"
import { against, endpoint, host, place, quit, rcpt, send, settings, shown, hello } from "./support/smtp.ts"

const { close, expect, expectBytes, expectContent, reply } = Script

const greeting = (to: string) =>
  Message.make({
    from: "alice@example.com",
    to,
    messageId: "1@example.com",
    date: new Date(0),
    text: "A morning without clouds.\n.\nGr\u00fc\u00dfe\n"
  })

const header = (to: string) =>
  [
    "Date: Thu, 01 Jan 1970 00:00:00 +0000",
    "From: alice@example.com",
    `To: ${to}`,
    "Message-ID: <1@example.com>",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    ""
  ].join("\r\n")

// What arrives, without the dots that are stuffed.
const eightBit = (to = "bob@example.org") =>
  `${header(to)}Content-Transfer-Encoding: 8bit\r\n\r\nA morning without clouds.\r\n.\r\nGr\u00fc\u00dfe\r\n`
const sevenBit = (to = "bob@example.org") =>
  `${header(to)}Content-Transfer-Encoding: quoted-printable\r\n\r\nA morning without clouds.\r\n=2E\r\nGr=C3=BC=C3=9Fe\r\n`

const octets = (text: string): number => new TextEncoder().encode(text).length

const upTo = (widest: Encoding.Identity) => Effect.provideService(Encoding.CurrentWidest, widest)

const parcelTo = (to = "bob@example.org") => Render.render(greeting(to))

const mail = (parameters: string, answer = "250 2.1.0 Ok"): Script.Script => [
  expect(`MAIL FROM:<alice@example.com>${parameters}`),
  reply(answer)
]

const taken = (content: string, to?: string): Script.Script => [
  ...rcpt(to),
  expect("DATA"),
  reply("354 Go ahead"),
  expectContent(content),
  reply("250 2.0.0 Taken")
]

const delivered = ["delivered 250"]

describe("MIME-004: a message that is not ASCII", () => {
  it.effect("goes as 8bit to a server that offers 8BITMIME (SMTP-130)", () =>
    Effect.gen(function* () {
      const content = eightBit()
      const script = [
        ...hello("SIZE", "8BITMIME"),
        ...mail(` SIZE=${octets(content)} BODY=8BITMIME`),
        ...taken(content)
      ]
      assert.deepStrictEqual(shown(yield* against([[...script, ...quit]], send(yield* parcelTo()))), delivered)
    })
  )

  it.effect("goes as 7bit to a server that does not, which is told the size of that", () =>
    Effect.gen(function* () {
      const content = sevenBit()
      const script = [...hello("SIZE"), ...mail(` SIZE=${octets(content)}`), ...taken(content), ...quit]
      assert.deepStrictEqual(shown(yield* against([script], send(yield* parcelTo()))), delivered)
    })
  )

  it.effect("goes as 7bit to everybody where nothing else is allowed", () =>
    Effect.gen(function* () {
      const script = [...hello("8BITMIME"), ...mail(" BODY=7BIT"), ...taken(sevenBit()), ...quit]
      assert.deepStrictEqual(shown(yield* against([script], send(yield* upTo("7bit")(parcelTo())))), delivered)
    })
  )

  it.effect("is refused for the size that it has in what the server takes (CLASS-34)", () =>
    Effect.gen(function* () {
      const parcel = yield* parcelTo()
      const limit = `SIZE ${octets(eightBit())}`
      const parameters = ` SIZE=${octets(eightBit())} BODY=8BITMIME`
      const wide = [...hello(limit, "8BITMIME"), ...mail(parameters), ...taken(eightBit()), ...quit]
      assert.deepStrictEqual(shown(yield* against([wide], send(parcel))), delivered)
      assert.deepStrictEqual(shown(yield* against([[...hello(limit), ...quit]], send(parcel))), [
        "PermFailure mail host host 5.3.4"
      ])
    })
  )

  it.effect("goes through LMTP in the same way (RFC 2033)", () =>
    Effect.gen(function* () {
      const { address, port } = place
      const lmtp = Endpoint.make({ host, address, port, protocol: "lmtp", tls: TlsPolicy.none })
      for (const [offer, parameters, content] of [
        ["8BITMIME", " BODY=8BITMIME", eightBit()],
        ["XNOTHING", "", sevenBit()]
      ] as const) {
        const greeted = [reply(`220 ${host}`), expect("LHLO client.example.com"), reply(`250-${host}`, `250 ${offer}`)]
        const parcel = yield* parcelTo()
        const outcomes = yield* against(
          [[...greeted, ...mail(parameters), ...taken(content), ...quit]],
          Effect.flatMap(SmtpSession.open(lmtp, settings), (session) => session.submit(parcel))
        )
        assert.deepStrictEqual(shown(outcomes), delivered)
      }
    })
  )

  it.effect("is what it was when it was given as it is: refused with 5.6.3 without 8BITMIME (CLASS-33)", () =>
    Effect.gen(function* () {
      const parcel = yield* Render.render(Message.eml(new TextEncoder().encode(eightBit())))
      const script = [...hello("8BITMIME"), ...mail(" BODY=8BITMIME"), ...taken(eightBit()), ...quit]
      assert.deepStrictEqual(shown(yield* against([script], send(parcel))), delivered)
      assert.deepStrictEqual(shown(yield* against([[...hello(), ...quit]], send(parcel))), [
        "PermFailure mail host host 5.6.3"
      ])
    })
  )
})

describe("each server is given what it takes", () => {
  const [first, second] = ["192.0.2.1", "192.0.2.2"] as const
  const at = (address: string) => Endpoint.make({ host: `${address}.example`, address, port: 25, tls: TlsPolicy.none })

  // Sends to two servers in turn, with the scripts of both.
  const inTurn = (parcel: Parcel.Parcel, ...scripts: readonly [Script.Script, Script.Script]) =>
    Effect.gen(function* () {
      for (const [i, address] of [first, second].entries()) {
        const script = scripts[i] ?? []
        yield* ScriptedServer.listen({ address, port: 25, names: [`${address}.example`] }, script)
      }
      return shown(yield* SmtpTransport.sendVia([at(first), at(second)], parcel, settings))
    }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))

  const narrow = [...hello(), ...mail(""), ...taken(sevenBit()), ...quit]

  it.effect("the next host, when the first says 451 to BODY=8BITMIME (CLASS-36)", () =>
    Effect.gen(function* () {
      const wide = [...hello("8BITMIME"), ...mail(" BODY=8BITMIME", "451 4.3.0 Not now"), ...quit]
      assert.deepStrictEqual(yield* inTurn(yield* parcelTo(), wide, narrow), delivered)
    })
  )

  it.effect("the next host, when the first is lost within the 8bit octets (CLASS-48)", () =>
    Effect.gen(function* () {
      const text = `${"Gr\u00fc\u00dfe aus der Ferne. ".repeat(3)}\n`.repeat(2000)
      const parcel = yield* Render.render(Message.text(greeting("bob@example.org"), text))
      const lines = (encoding: string, content: string) =>
        `${header("bob@example.org")}Content-Transfer-Encoding: ${encoding}\r\n\r\n${content.replaceAll("\n", "\r\n")}`
      const start = `${header("bob@example.org")}Content-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe aus`
      const wide = [
        ...hello("8BITMIME"),
        ...mail(" BODY=8BITMIME"),
        ...rcpt(),
        expect("DATA"),
        reply("354 Go"),
        expectBytes(start),
        close
      ]
      const quoted = new TextDecoder().decode(Encoding.quotedPrintable(new TextEncoder().encode(text)))
      const content = `${header("bob@example.org")}Content-Transfer-Encoding: quoted-printable\r\n\r\n${quoted}`
      assert.isUndefined(parcel.body.bytes)
      assert.strictEqual(parcel.body.size, octets(lines("8bit", text)))
      const second = [...hello(), ...mail(""), ...taken(content), ...quit]
      assert.deepStrictEqual(yield* inTurn(parcel, wide, second), delivered)
    })
  )

  it.effect("at the next attempt, when the first took the 8bit octets and said 451 to them (CLASS-50)", () =>
    Effect.gen(function* () {
      const parcel = yield* parcelTo()
      const [, ...upToVerdict] = taken(eightBit()).toReversed()
      const wide = [...hello("8BITMIME"), ...mail(" BODY=8BITMIME"), ...upToVerdict.toReversed()]
      const attempts = Effect.forEach([1, 2], () => Effect.map(send(parcel), shown))
      assert.deepStrictEqual(yield* against([[...wide, reply("451 4.3.0 Not now"), ...quit], narrow], attempts), [
        ["TempFailure data-end message later 451 4.3.0"],
        delivered
      ])
    })
  )

  it.effect("PIPE-006: whoever rides behind another message", () =>
    Effect.gen(function* () {
      const carol = "carol@example.org"
      for (const [offer, parameter, content] of [
        ["8BITMIME", " BODY=8BITMIME", eightBit],
        ["XNOTHING", "", sevenBit]
      ] as const) {
        const opening = (to: string) => `MAIL FROM:<alice@example.com>${parameter}\r\nRCPT TO:<${to}>\r\nDATA\r\n`
        const stuffed = (to: string) => `${content(to).replace(/^\./gm, "..")}.\r\n`
        const goOn = Script.send("250 Ok\r\n250 Ok\r\n354 Go\r\n")
        const script = [
          ...hello("PIPELINING", offer),
          expectBytes(opening("bob@example.org")),
          goOn,
          expectBytes(`${stuffed("bob@example.org")}${opening(carol)}`),
          reply("250 Taken"),
          goOn,
          expectBytes(stuffed(carol)),
          reply("250 Taken"),
          ...quit
        ]
        const parcels = yield* Effect.forEach(["bob@example.org", carol], (to) => parcelTo(to))
        const sent = yield* against(
          [script],
          Effect.gen(function* () {
            const pool = yield* SmtpPool.make({ ...settings, pool: { maxConnections: 1 } })
            return yield* Effect.forEach(parcels, (parcel) => pool.send(endpoint(), parcel), {
              concurrency: "unbounded"
            })
          })
        )
        assert.deepStrictEqual(sent.map(shown), [delivered, delivered])
      }
    })
  )
})

describe("binary is chosen when it is allowed and offered", () => {
  const raw = Uint8Array.from({ length: 90_000 }, (_, i) => (i * 7919) >> 5)
  const held = Message.attach(greeting("bob@example.org"), { content: raw, name: "a.bin" })
  const streamed = Message.attach(
    greeting("bob@example.org"),
    Attachment.stream(Stream.fromIterable([raw.subarray(0, 33_333), raw.subarray(33_333)], { chunkSize: 1 }), {
      name: "a.bin",
      size: raw.length
    })
  )

  // What a server with these extensions is given: the BODY parameter and the content.
  const given = (server: MailServer.Options["server"], message: Message.Message, widest: Encoding.Identity) =>
    Effect.gen(function* () {
      const parcel = yield* upTo(widest)(Render.render(message))
      assert.deepStrictEqual(shown(yield* Effect.scoped(send(parcel))), delivered)
      const [mail] = yield* (yield* Mailbox.Mailbox).all
      return { parcel, body: mail?.parameters.get("BODY"), content: mail?.content ?? new Uint8Array() }
    }).pipe(
      Effect.provide(
        MailServer.layerMemory(place, { server }).pipe(
          Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer))
        )
      )
    )

  it.effect.prop(
    "whatever is sent, as the widest that is allowed and offered",
    [
      Arbitraries.message,
      Schema.Struct({ eightBitMime: Schema.Boolean, binaryMime: Schema.Boolean, chunking: Schema.Boolean }),
      Schema.Literals(["7bit", "8bit", "binary"])
    ],
    ([drawn, server, widest]) =>
      Effect.gen(function* () {
        const { body, content, parcel } = yield* given(server, { ...drawn, bcc: [], to: ["bob@example.org"] }, widest)
        const takes = server.eightBitMime ? (server.binaryMime && server.chunking ? "binary" : "8bit") : "7bit"
        const { bytes, encoding } = Parcel.bodyFor(parcel, takes)
        const names = { "7bit": "7BIT", "8bit": "8BITMIME", binary: "BINARYMIME" }
        assert.strictEqual(body, server.eightBitMime ? names[encoding] : undefined)
        assert.isTrue(Encoding.isWithin(encoding, widest) && Encoding.isWithin(encoding, takes))
        assert.deepStrictEqual(content, bytes)
      }),
    { arbitrary: { runs: 60 } }
  )

  for (const [name, message] of [
    ["a file", held],
    ["a file that is streamed", streamed]
  ] as const) {
    it.effect(`SMTP-155, SMTP-156: ${name}`, () =>
      Effect.gen(function* () {
        const cases: ReadonlyArray<[MailServer.Options["server"], Encoding.Identity, string | undefined]> = [
          [{ binaryMime: true }, "binary", "BINARYMIME"],
          [{ binaryMime: true }, "8bit", "8BITMIME"],
          [{ binaryMime: true }, "7bit", "7BIT"],
          [{}, "binary", "8BITMIME"],
          [{ binaryMime: true, chunking: false }, "binary", "8BITMIME"],
          [{ binaryMime: true, eightBitMime: false }, "binary", undefined],
          [{ eightBitMime: false }, "binary", undefined],
          [{ eightBitMime: false }, "8bit", undefined]
        ]
        const chosen: Record<string, Encoding.Identity> = { BINARYMIME: "binary", "8BITMIME": "8bit" }
        for (const [server, widest, parameter] of cases) {
          const { body, content, parcel } = yield* given(server, message, widest)
          assert.strictEqual(body, parameter)
          const rendering = Parcel.bodyFor(parcel, chosen[parameter ?? ""] ?? "7bit")
          assert.strictEqual(rendering.encoding, chosen[parameter ?? ""] ?? "7bit")
          const pieces = Array.from(yield* Stream.runCollect(rendering.stream))
          assert.isTrue(Buffer.concat(pieces).equals(content), `${parameter}: other octets`)
        }
      })
    )
  }
})

describe("ways out that are no servers", () => {
  const bytes = new Uint8Array([0, 10, 13, 255])
  // With a file, which is binary where that is allowed.
  const letter = (widest: Encoding.Identity) =>
    upTo(widest)(
      Effect.map(
        Effect.all([parcelTo(), Render.render(Message.attach(greeting("bob@example.org"), { content: bytes }))]),
        ([text, file]) => ({ text, file })
      )
    )
  const run = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | Scope.Scope>) =>
    Effect.scoped(effect).pipe(Effect.provide(NodeServices.layer))
  const utf8 = (path: string) => Buffer.from(read(path), "latin1").toString()
  const encodings = (content: string) =>
    Array.from(content.matchAll(/^Content-Transfer-Encoding: (.*?)\r?$/gm), ([, encoding]) => encoding)

  it.effect("files hold text as 8bit, and other octets in base64, since a mailbox is made of lines", () =>
    run(
      Effect.gen(function* () {
        const { file, text } = yield* letter("binary")
        const [eml, maildir, mbox] = [yield* folder, yield* folder, yield* folder]
        const transports = [
          yield* FileTransport.makeEml(eml),
          yield* FileTransport.makeMaildir(maildir),
          yield* FileTransport.makeMbox(`${mbox}/box`)
        ]
        for (const { send } of transports) {
          assert.deepStrictEqual(shown(yield* send(text)), delivered)
          assert.deepStrictEqual(shown(yield* send(file)), delivered)
        }
        for (const path of [eml, maildir, mbox]) {
          const all = filesIn(path).map(utf8).join("")
          assert.include(all, eightBit().replaceAll("\r\n", path === eml ? "\r\n" : "\n"))
          assert.sameMembers(encodings(all), ["8bit", "8bit", "8bit", "base64"])
        }
      })
    )
  )

  it.effect("files hold nothing but 7bit where nothing else is allowed", () =>
    run(
      Effect.gen(function* () {
        const path = yield* folder
        yield* (yield* FileTransport.makeEml(path)).send((yield* letter("7bit")).text)
        assert.deepStrictEqual(filesIn(path).map(utf8), [sevenBit()])
      })
    )
  )

  it.effect("the log shows text that can be read", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => logged.push(message))
      yield* Effect.provide(
        LogTransport.make({ show: "whole" }).send((yield* letter("binary")).file),
        Logger.layer([logger])
      )
      assert.include(JSON.stringify(logged), "Gr\u00fc\u00dfe")
      assert.include(JSON.stringify(logged), Buffer.from(bytes).toString("base64"))
    })
  )

  it.effect("a mail program and a nodemailer transporter get 7bit: nobody knows to whom they pass it on", () =>
    run(
      Effect.gen(function* () {
        const { file, text } = yield* letter("binary")
        const { path, received } = yield* program()
        const mails: Array<NodemailerTransport.Mail> = []
        const transports = [
          yield* SendmailTransport.make({ path }),
          NodemailerTransport.make({ sendMail: async (mail: NodemailerTransport.Mail) => mails.push(mail) })
        ]
        for (const { send } of transports) {
          for (const parcel of [text, file]) {
            assert.isTrue((yield* send(parcel)).every(({ _tag }) => _tag === "Delivered"))
          }
        }
        for (const contents of [received().map(({ content }) => content), mails.map(({ raw }) => raw)]) {
          const all = contents.map((content) => Buffer.from(content).toString("latin1"))
          assert.include(all, sevenBit())
          assert.sameMembers(all.flatMap(encodings), ["quoted-printable", "quoted-printable", "base64"])
        }
      })
    )
  )
})
