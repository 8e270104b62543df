/** A message on a session: how it is said, what arrives, and what can go wrong with it. */
import { MessageError } from "@effect-mail/message"
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import { MemoryNetwork, Script, ScriptedServer } from "@effect-mail/testing"
import { SmtpSession } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Metric, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  against,
  bytes,
  data,
  endsAfter,
  hello,
  host,
  large,
  mail,
  message,
  open,
  parcel,
  pieces,
  place,
  quit,
  rcpt,
  send,
  settings,
  settled,
  shown,
  streamed,
  taken
} from "./support/smtp.ts"

const { expect, expectBreakOff, expectBytes, expectContent, expectEnd, expectPrefix, reply } = Script

const stuffed = message.replace(/^\./gm, "..")
const size = message.length
const broken = MessageError.make("unreadable-file", "the file is gone")

describe("a transaction", () => {
  it.effect("goes in lock-step without PIPELINING (SMTP-036)", () =>
    Effect.gen(function* () {
      const outcomes = yield* against([taken], send())
      assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
    })
  )

  it.effect("goes in two flights with PIPELINING: the envelope with DATA, and the message (RFC 2920)", () =>
    Effect.gen(function* () {
      const script = [
        ...hello("PIPELINING"),
        expectBytes(
          "MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\n"
        ),
        reply("250 2.1.0 Ok"),
        reply("250 2.1.5 Ok"),
        reply("550 5.1.1 Nobody"),
        reply("354 Go ahead"),
        expectBytes(`${stuffed}.\r\n`),
        reply("250 2.0.0 Taken"),
        ...quit
      ]
      const outcomes = yield* against([script], send(parcel("bob@example.org", "carol@example.org")))
      assert.deepStrictEqual(shown(outcomes), ["delivered 250", "PermFailure rcpt recipient never 550 5.1.1"])
    })
  )

  it.effect("goes in one flight with CHUNKING, octet for octet (RFC 3030, SMTP-150)", () =>
    Effect.gen(function* () {
      const script = [
        ...hello("PIPELINING", "CHUNKING"),
        expectBytes(`MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.org>\r\nBDAT ${size} LAST\r\n${message}`),
        Script.send("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Taken\r\n"),
        ...quit
      ]
      assert.deepStrictEqual(shown(yield* against([script], send())), ["delivered 250"])
    })
  )

  it.effect("gets one verdict for each recipient in LMTP (RFC 2033, CLASS-56)", () =>
    Effect.gen(function* () {
      const lmtp = Endpoint.make({
        host,
        address: place.address,
        port: place.port,
        protocol: "lmtp",
        tls: TlsPolicy.none
      })
      const script = [
        reply(`220 ${host} LMTP`),
        expect("LHLO client.example.com"),
        reply(`250 ${host}`),
        ...mail,
        ...rcpt("bob@example.org"),
        ...rcpt("carol@example.org"),
        ...data(message),
        reply("452 4.2.2 Full"),
        ...quit
      ]
      const outcomes = yield* against(
        [script],
        Effect.flatMap(SmtpSession.open(lmtp, settings), (session) =>
          session.submit(parcel("bob@example.org", "carol@example.org"))
        )
      )
      assert.deepStrictEqual(shown(outcomes), ["delivered 250", "TempFailure data-end message later 452 4.2.2"])
    })
  )

  it.effect("leaves the session ready for the next one", () =>
    Effect.gen(function* () {
      const script = [...hello(), ...mail, ...rcpt(), ...data(), ...mail, ...rcpt(), ...data(), ...quit]
      yield* against(
        [script],
        Effect.gen(function* () {
          const session = yield* open()
          for (let round = 0; round < 2; round++) {
            assert.deepStrictEqual(shown(yield* session.submit(parcel())), ["delivered 250"])
            assert.isTrue(session.usable())
          }
        })
      )
    })
  )

  it.effect("tells people what was said, and not the message (SMTP-285)", () =>
    Effect.gen(function* () {
      const transcript = yield* against(
        [taken],
        Effect.gen(function* () {
          const session = yield* open()
          yield* session.submit(parcel())
          return session.transcript()
        })
      )
      assert.strictEqual(
        transcript,
        [
          "S: 220 mx.example.com ESMTP",
          "C: EHLO client.example.com",
          "S: 250 mx.example.com",
          "C: MAIL FROM:<alice@example.com>",
          "S: 250 2.1.0 Ok",
          "C: RCPT TO:<bob@example.org>",
          "S: 250 2.1.5 Ok",
          "C: DATA",
          "S: 354 Go ahead",
          `*: a message of ${size} octets`,
          "S: 250 2.0.0 Taken"
        ].join("\n")
      )
    })
  )
})

describe("a message that is a stream", () => {
  it.effect("arrives as it is, wherever it is cut (SMTP-092, SMTP-095)", () =>
    Effect.gen(function* () {
      const octets = message.split("")
      for (let width = 1; width < 8; width++) {
        const cut = octets.flatMap((_, i) => (i % width === 0 ? [octets.slice(i, i + width).join("")] : []))
        const script = [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead")]
        const rest = [expectBytes(`${stuffed}.\r\n`), reply("250 2.0.0 Taken"), ...quit]
        const outcomes = yield* against([[...script, ...rest]], send(streamed(pieces(...cut))))
        assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
      }
    })
  )

  it.effect("without a line end at its end gets one (SMTP-094)", () =>
    Effect.gen(function* () {
      const script = [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead")]
      const rest = [expectBytes("Subject: x\r\n\r\nend\r\n.\r\n"), reply("250 Ok"), ...quit]
      yield* against([[...script, ...rest]], send(streamed(pieces("Subject: x\r\n\r\nend"))))
    })
  )

  for (const octets of [65_536, 65_537, 200_000]) {
    const body = large(octets)
    it.effect(`of ${octets} octets arrives whole, from memory and from a stream, past a small window`, () =>
      Effect.gen(function* () {
        const script = [...hello(), ...mail, ...rcpt(), ...data(body), ...quit]
        const inMemory = streamed(Stream.die("not asked for"), { bytes: bytes(body), size: octets })
        for (const one of [
          inMemory,
          streamed(Stream.succeed(bytes(body))),
          streamed(pieces(...(body.match(/.{1,999}/gs) ?? [])))
        ]) {
          const outcomes = yield* against([script], send(one), { window: 1000 })
          assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
        }
      })
    )
  }

  it.effect("and binary goes with BDAT however large it is (RFC 3030 section 3)", () =>
    Effect.gen(function* () {
      const body = "\0\n.\r".repeat(50_000)
      const script = [
        ...hello("PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME"),
        // A large message waits until it is known that somebody is to get it.
        expectBytes("MAIL FROM:<alice@example.com> BODY=BINARYMIME\r\nRCPT TO:<bob@example.org>\r\n"),
        Script.send("250 Ok\r\n250 Ok\r\n"),
        expectBytes("BDAT 200000 LAST\r\n"),
        expectBytes(body),
        reply("250 Taken"),
        ...quit
      ]
      const binary = { encoding: "binary", size: body.length } as const
      for (const one of [streamed(pieces(body), binary), streamed(pieces(), { ...binary, bytes: bytes(body) })]) {
        assert.deepStrictEqual(shown(yield* against([script], send(one))), ["delivered 250"])
      }
    })
  )

  it.effect("has to be taken block by block: a slow server has all the time, a stalled one has not (CLASS-48)", () =>
    Effect.gen(function* () {
      const body = large(300_000)
      const slow = Array.from({ length: 4 }, (_, i) => [
        Script.pause("170 seconds"),
        expectBytes(body.slice(i * 65_536, (i + 1) * 65_536))
      ])
      const beginning = [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead"), ...slow.flat()]
      const whole = { bytes: bytes(body), size: body.length }
      const end = [expectBytes(`${body.slice(4 * 65_536)}.\r\n`), reply("250 2.0.0 Taken"), ...quit]
      const taken = against([[...beginning, ...end]], send(streamed(pieces(), whole)), { window: 1000 })
      assert.deepStrictEqual(shown(yield* endsAfter(Duration.seconds(4 * 170), taken)), ["delivered 250"])
      const stalled = against([[...beginning, Script.stall]], send(streamed(pieces(), whole)), { window: 1000 })
      assert.deepStrictEqual(shown(yield* endsAfter(Duration.seconds(4 * 170 + 180), stalled)), [
        "TempFailure body message host 4.4.2"
      ])
    })
  )
})

describe("a message that cannot be read to its end", () => {
  const bad: Readonly<Record<string, Stream.Stream<Uint8Array, MessageError.MessageError>>> = {
    "fails at once": Stream.fail(broken),
    "fails in the middle": Stream.concat(pieces("Subject: x\r\n\r\nGood mor"), Stream.fail(broken)),
    "fails behind a line end": Stream.concat(pieces("Subject: x\r\n\r\nGood morning\r\n"), Stream.fail(broken)),
    "fails behind many blocks": Stream.concat(pieces(large(300_000)), Stream.fail(broken))
  }
  for (const [name, stream] of Object.entries(bad)) {
    it.effect(`${name}: is broken off without a dot and without a QUIT (SMTP-291)`, () =>
      Effect.gen(function* () {
        const script = [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead"), expectBreakOff]
        assert.strictEqual(yield* against([script], Effect.flip(send(streamed(stream)))), broken)
      })
    )
  }

  for (const [found, text, position] of [
    ["CR", "Subject: x\r\n\r\na\rb", 15],
    ["LF", "Subject: x\r\n\r\na\nb", 15]
  ] as const) {
    for (const [kind, one] of [
      ["bytes", streamed(pieces(), { bytes: bytes(text) })],
      ["stream", streamed(pieces(text))]
    ] as const) {
      it.effect(`a bare ${found} in ${kind} is an error of the message, which ends there (SMTP-053)`, () =>
        Effect.gen(function* () {
          const script = [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead"), expectBreakOff]
          const error = yield* against([script], Effect.flip(send(one)))
          assert.deepInclude(error, { reason: "bare-line-end", position })
        })
      )
    }
  }

  const short = "Subject: x\r\n\r\nshort\r\n"
  const lies = {
    "a stream that is too short": streamed(pieces(short), { size: short.length + 1 }),
    "bytes that are too few": streamed(pieces(), { bytes: bytes(short), size: short.length + 1 }),
    "a stream that is too long": streamed(pieces(short, "RSET\r\n"), { size: short.length }),
    "bytes that are too many": streamed(pieces(), { bytes: bytes(`${short}RSET\r\n`), size: short.length })
  }
  for (const [name, one] of Object.entries(lies)) {
    it.effect(`${name} for BDAT: nothing of it can be taken for a command (SMTP-154)`, () =>
      Effect.gen(function* () {
        const script = [...hello("PIPELINING", "CHUNKING"), expectTooLittle]
        const error = yield* against([script], Effect.flip(send(one)))
        assert.strictEqual(error.reason, "unreadable-file")
      })
    )
  }

  it.effect("after somebody has got it: what was delivered stays delivered", () =>
    Effect.gen(function* () {
      let runs = 0
      const once = Stream.suspend(() => (runs++ === 0 ? pieces(message) : Stream.fail(broken)))
      const script = [...hello(), ...mail, ...rcpt(), ...data(), ...mail, ...rcpt("carol@example.org"), expect("DATA")]
      const outcomes = yield* against(
        [[...script, reply("354 Go ahead"), expectBreakOff]],
        send(streamed(once, {}, "bob@example.org", "carol@example.org"), undefined, { maxRecipients: 1 })
      )
      assert.deepStrictEqual(shown(outcomes), ["delivered 250", "Unreachable body local later 4.3.0"])
    })
  )
})

// Whatever the client sends before it is gone, it is not the whole message, and nothing of it is a command behind it.
const expectTooLittle: Script.Step = {
  what: "the client to be gone",
  last: true,
  play: Effect.fnUntraced(function* (connection) {
    const decoder = new TextDecoder()
    let said = decoder.decode(connection.lines.take())
    yield* Effect.ignore(
      Effect.forever(
        Effect.map(connection.wire.read, (chunk) => {
          said += decoder.decode(chunk)
        })
      )
    )
    const [, announced, content = ""] = /BDAT ([0-9]+) LAST\r\n([^]*)/.exec(said) ?? []
    connection.note(`C: ${said}`)
    if (content.length >= Number(announced)) return yield* new Script.Mismatch({ detail: "octets too many" })
  })
}

describe("a server that answers before the message has ended", () => {
  const beginning = [
    ...hello(),
    ...mail,
    ...rcpt(),
    expect("DATA"),
    reply("354 Go ahead"),
    expectBytes(large(70_000).slice(0, 60_000))
  ]
  const body = streamed(pieces(...Array.from({ length: 20 }, () => large(70_000))))

  for (const [answer, expected] of [
    ["552 5.3.4 Too large", "PermFailure data-end message never 552 5.3.4"],
    ["451 4.3.0 No more", "TempFailure data-end message later 451 4.3.0"]
  ] as const) {
    for (const [how, end] of [
      ["and stalls", Script.stall],
      ["and hangs up", Script.close],
      ["and reads on", expectBreakOff]
    ] as const) {
      it.effect(
        `${answer.slice(0, 3)} ${how}: is taken at its word at once, and gets no dot (CLASS-49, PIPE-012)`,
        () =>
          Effect.gen(function* () {
            const play = Effect.gen(function* () {
              const session = yield* open()
              assert.deepStrictEqual(shown(yield* session.submit(body)), [expected])
              assert.isFalse(session.usable())
            })
            yield* against([[...beginning, reply(answer), end]], play)
          })
      )
    }
  }

  it.effect("250: cannot have taken it (CLASS-58)", () =>
    Effect.gen(function* () {
      const outcomes = yield* against([[...beginning, reply("250 2.0.0 Taken"), expectBreakOff]], send(body))
      assert.deepStrictEqual(shown(outcomes), ["TempFailure body message host 4.5.0"])
    })
  )

  it.effect("refuses a small message and hangs up before it is read: the reply is used", () =>
    Effect.gen(function* () {
      const script = [
        ...hello(),
        ...mail,
        ...rcpt(),
        expect("DATA"),
        reply("354 Go ahead"),
        reply("554 5.7.1 No"),
        Script.close
      ]
      const outcomes = yield* against([script], send(), { window: 50 })
      assert.deepStrictEqual(shown(outcomes), ["PermFailure data-end message never 554 5.7.1"])
    })
  )
})

describe("a server that speaks without being asked", () => {
  const outOfTurn = "TempFailure mail message host 4.5.0"

  it.effect("after EHLO: gets no mail (CLASS-58)", () =>
    Effect.gen(function* () {
      const script = [
        reply(`220 ${host}`),
        expectPrefix("EHLO "),
        Script.send(`250 ${host}\r\n250 more\r\n`),
        expectEnd
      ]
      assert.deepStrictEqual(shown(yield* against([script], send())), [outOfTurn])
    })
  )

  it.effect("after the greeting: is no mail server (CLASS-58)", () =>
    Effect.gen(function* () {
      const script = [Script.send(`220 ${host}\r\n250 ${host}\r\n`), expectEnd]
      assert.deepStrictEqual(shown(yield* against([script], send())), ["TempFailure ehlo host host 4.5.0"])
    })
  )

  it.effect("with half a line: is waited for, and gets no mail", () =>
    Effect.gen(function* () {
      const script = [
        reply(`220 ${host}`),
        expectPrefix("EHLO "),
        Script.send(`250 ${host}\r\n25`),
        Script.pause("1 minute"),
        Script.send("0 more\r\n"),
        expectEnd
      ]
      assert.deepStrictEqual(shown(yield* endsAfter(Duration.minutes(1), against([script], send()))), [outOfTurn])
    })
  )

  const afterwards = (...last: ReadonlyArray<Script.Step>) =>
    against(
      [
        [
          ...hello("PIPELINING", "CHUNKING"),
          expectBytes(bdat),
          Script.send("250 Ok\r\n250 Ok\r\n250 Taken\r\n"),
          ...last
        ]
      ],
      Effect.gen(function* () {
        const session = yield* open()
        assert.deepStrictEqual(shown(yield* session.submit(parcel())), ["delivered 250"])
        yield* settled
        yield* TestClock.adjust("1 minute")
        assert.isFalse(session.usable())
        return yield* session.submit(parcel())
      })
    )
  const bdat = `MAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.org>\r\nBDAT ${size} LAST\r\n${message}`

  it.effect("between two messages: the second one is not taken for delivered on the replies to the first", () =>
    Effect.gen(function* () {
      const outcomes = yield* afterwards(Script.pause("1 second"), reply("250 2.0.0 Taken twice"), expectEnd)
      assert.deepStrictEqual(shown(outcomes), [outOfTurn])
    })
  )

  it.effect("421 to an idle client is a farewell (CLASS-55, SMTP-089)", () =>
    Effect.gen(function* () {
      const outcomes = yield* afterwards(Script.pause("1 second"), reply("421 4.4.2 Idle"), Script.close)
      assert.deepStrictEqual(shown(outcomes), ["TempFailure mail message host 421 4.4.2"])
    })
  )

  it.effect("an end without a word is no verdict (CLASS-55)", () =>
    Effect.gen(function* () {
      const outcomes = yield* afterwards(Script.pause("1 second"), Script.close)
      assert.deepStrictEqual(shown(outcomes), ["TempFailure mail message host 4.4.2"])
    })
  )

  it.effect("with a reply that never ends: is cut off (GHSA-4ffr-jq9g-5ffx)", () =>
    Effect.gen(function* () {
      const endless = Array.from({ length: 33 }, () => `250-${"x".repeat(2000)}\r\n`)
      const script = [...hello(), expectPrefix("MAIL "), Script.send(...endless), Script.close]
      const outcomes = yield* against([script], send())
      assert.deepStrictEqual(shown(outcomes), ["TempFailure mail message host 4.5.0"])
    })
  )
})

describe("an interruption", () => {
  const hangsUp = [expectEnd]
  const breaksOff = [expectBreakOff]
  const points: Readonly<Record<string, Script.Script>> = {
    "before the greeting": hangsUp,
    "at EHLO": [reply(`220 ${host}`), expectPrefix("EHLO "), ...hangsUp],
    "in the handshake": [...hello("STARTTLS"), expect("STARTTLS"), reply("220 Go ahead"), ...hangsUp],
    "at MAIL": [...hello(), expectPrefix("MAIL "), ...hangsUp],
    "at RCPT": [...hello(), ...mail, expectPrefix("RCPT "), ...hangsUp],
    "at DATA": [...hello(), ...mail, ...rcpt(), expect("DATA"), ...hangsUp],
    "in the message": [
      ...hello(),
      ...mail,
      ...rcpt(),
      expect("DATA"),
      reply("354 Go ahead"),
      expectBytes("Subject: "),
      Script.pause("1 day"),
      ...breaksOff
    ],
    "at the verdict": [
      ...hello(),
      ...mail,
      ...rcpt(),
      expect("DATA"),
      reply("354 Go ahead"),
      expectContent(large(500_000)),
      ...hangsUp
    ]
  }
  const body = streamed(pieces(large(500_000)))
  for (const [name, script] of Object.entries(points)) {
    it.effect(`${name}: closes the connection, without a dot, without a QUIT (SMTP-291)`, () => {
      let fibers = 0
      const counting = { recordFiberStart: () => void fibers++, recordFiberEnd: () => void fibers-- }
      return against(
        [script],
        Effect.gen(function* () {
          const sending = yield* Effect.forkChild(
            Effect.provideService(send(body, TlsPolicy.opportunistic), Metric.FiberRuntimeMetrics, counting)
          )
          yield* settled
          assert.isUndefined(sending.pollUnsafe())
          assert.isAbove(fibers, 0)
          yield* Fiber.interrupt(sending)
          yield* TestClock.adjust("1 day")
          assert.strictEqual(fibers, 0, "fibers that are left")
        })
      )
    })
  }

  it.effect("while a small message waits to be written: its end is not sent afterwards (SMTP-291)", () =>
    against(
      [
        [
          ...hello(),
          ...mail,
          ...rcpt(),
          expect("DATA"),
          reply("354 Go ahead"),
          Script.pause("1 minute"),
          expectBreakOff
        ]
      ],
      Effect.gen(function* () {
        const sending = yield* Effect.forkChild(send())
        yield* settled
        yield* Fiber.interrupt(sending)
        yield* TestClock.adjust("1 minute")
      }),
      { window: 50 }
    )
  )

  it.effect("of an idle session says QUIT, and asked for nothing between EHLO and that (SMTP-288)", () =>
    against(
      [[...hello(), ...quit]],
      Effect.gen(function* () {
        const idling = yield* Effect.forkChild(Effect.scoped(Effect.andThen(open(), Effect.never)))
        yield* settled
        yield* Fiber.interrupt(idling)
      })
    )
  )

  it.effect("leaves a session that is not used again", () =>
    against(
      [[...hello(), expectPrefix("MAIL "), expectEnd]],
      Effect.gen(function* () {
        const session = yield* open()
        const sending = yield* Effect.forkChild(session.submit(parcel()))
        yield* settled
        yield* Fiber.interrupt(sending)
        assert.isFalse(session.usable())
        assert.deepStrictEqual(shown(yield* session.submit(parcel())), ["Unreachable mail local later 4.3.0"])
      })
    )
  )
})

describe("a session", () => {
  it.effect("that rests for a day between two messages is as good as new", () =>
    against(
      [[...hello(), ...mail, ...rcpt(), ...data(), ...mail, ...rcpt(), ...data(), ...quit]],
      Effect.gen(function* () {
        const session = yield* open()
        yield* session.submit(parcel())
        yield* TestClock.adjust("1 day")
        assert.isTrue(session.usable())
        assert.deepStrictEqual(shown(yield* session.submit(parcel())), ["delivered 250"])
      })
    )
  )

  it.effect("whose server reads no commands ends in time (CLASS-35)", () =>
    Effect.gen(function* () {
      const many = Array.from({ length: 50 }, (_, i) => `user${i}@example.org`)
      const play = against([[...hello("PIPELINING"), Script.stall]], send(parcel(...many)), { window: 1000 })
      const outcomes = yield* endsAfter(Duration.minutes(5), play)
      assert.deepStrictEqual([...new Set(shown(outcomes))], ["TempFailure mail message host 4.4.2"])
    })
  )

  it.effect("whose server is out of step is not used again (SMTP-102, CLASS-58)", () =>
    against(
      [[...hello(), ...mail, ...rcpt(), ...data(message, "354 Go on"), ...quit]],
      Effect.gen(function* () {
        const session = yield* open()
        assert.deepStrictEqual(shown(yield* session.submit(parcel())), [
          "TempFailure data-end message later 354 4.5.0 uncertain"
        ])
        assert.isFalse(session.usable())
      })
    )
  )

  const endings: Readonly<Record<string, readonly [Script.Script, Parameters<typeof send>[0]]>> = {
    "a body that cannot be read": [
      [...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead"), expectBreakOff],
      streamed(Stream.fail(broken))
    ],
    "a server that talks nonsense": [[expectPrefix("MAIL "), Script.send("nonsense\r\n"), expectEnd], parcel()],
    "a server that speaks without being asked": [
      [expectPrefix("MAIL "), Script.send("250 Ok\r\n250 Ok\r\n"), expectEnd],
      parcel()
    ]
  }
  for (const [name, [script, what]] of Object.entries(endings)) {
    it.effect(`ends at once at ${name}, not with its scope`, () =>
      Effect.gen(function* () {
        const network = yield* MemoryNetwork.MemoryNetwork
        const server = ScriptedServer.make([...hello(), ...script])
        yield* network.listen(place, server.handler)
        const session = yield* open()
        yield* Effect.exit(session.submit(what ?? parcel()))
        yield* server.ended
        assert.isFalse(session.usable())
      }).pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer))
    )
  }

  it.effect("carries one message at a time: a second one is turned away, not mixed in (nodemailer#265)", () =>
    against(
      [[...hello(), expectPrefix("MAIL "), Script.pause("1 minute"), reply("250 Ok"), ...rcpt(), ...data(), ...quit]],
      Effect.gen(function* () {
        const session = yield* open()
        const first = yield* Effect.forkChild(session.submit(parcel()))
        yield* settled
        assert.deepStrictEqual(shown(yield* session.submit(parcel("eve@example.org"))), [
          "Unreachable mail local later 4.3.0"
        ])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(shown(yield* Fiber.join(first)), ["delivered 250"])
      })
    )
  )

  it.effect("whose server reads no QUIT ends after a second", () =>
    Effect.gen(function* () {
      const play = against([[...hello(), Script.stall]], open(), { window: 5 })
      yield* endsAfter(Duration.seconds(1), play)
    })
  )
})
