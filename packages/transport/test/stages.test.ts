/** Every stage of a session, and what becomes of a message when the server falls silent or away there. */
import { Sasl, TlsPolicy } from "@effect-mail/protocol"
import { Script } from "@effect-mail/testing"
import { Timeouts } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import {
  against,
  endsAfter,
  failureOf,
  hello,
  large,
  mail,
  message,
  pieces,
  rcpt,
  send,
  shown,
  startTls,
  streamed
} from "./support/smtp.ts"

const { expect, expectContent, expectPrefix, reply, stall } = Script

interface Stage {
  readonly name: string
  readonly upToHere: Script.Script
  readonly patience: Duration.Duration
  /** What becomes of the message when the server falls silent or away. */
  readonly silent: string
  readonly tls?: TlsPolicy.TlsPolicy
  readonly credentials?: Sasl.Credentials
  readonly parcel?: Parameters<typeof send>[0]
}

const password = new Sasl.Password({ username: "alice", password: Redacted.make("secret") })
const { standard } = Timeouts

const stages: ReadonlyArray<Stage> = [
  {
    name: "greeting (CLASS-16)",
    upToHere: [],
    patience: standard.greeting,
    silent: "Unreachable greeting host address 4.4.2"
  },
  {
    name: "EHLO",
    upToHere: [reply("220 mx.example.com"), expectPrefix("EHLO ")],
    patience: standard.ehlo,
    silent: "TempFailure ehlo host host 4.4.2"
  },
  {
    name: "STARTTLS (CLASS-25)",
    upToHere: [...hello("STARTTLS"), expect("STARTTLS")],
    patience: standard.tls,
    silent: "Unreachable starttls host host 4.7.5",
    tls: TlsPolicy.required
  },
  {
    name: "the handshake (CLASS-25)",
    upToHere: [...hello("STARTTLS"), expect("STARTTLS"), reply("220 2.0.0 Go ahead")],
    patience: standard.tls,
    silent: "Unreachable tls host host 4.7.5",
    tls: TlsPolicy.required
  },
  {
    name: "EHLO under TLS",
    upToHere: [...hello("STARTTLS"), ...startTls, expectPrefix("EHLO ")],
    patience: standard.ehlo,
    silent: "TempFailure ehlo host host 4.4.2",
    tls: TlsPolicy.required
  },
  {
    name: "AUTH",
    upToHere: [...hello("AUTH SCRAM-SHA-256"), expectPrefix("AUTH SCRAM-SHA-256 ")],
    patience: standard.auth,
    silent: "TempFailure auth host host 4.4.2",
    credentials: password
  },
  {
    name: "MAIL (CLASS-35)",
    upToHere: [...hello(), expectPrefix("MAIL ")],
    patience: standard.envelope,
    silent: "TempFailure mail message host 4.4.2"
  },
  {
    name: "RCPT (CLASS-44)",
    upToHere: [...hello(), ...mail, expectPrefix("RCPT ")],
    patience: standard.envelope,
    silent: "TempFailure rcpt recipient host 4.4.2"
  },
  {
    name: "DATA (CLASS-45)",
    upToHere: [...hello(), ...mail, ...rcpt(), expect("DATA")],
    patience: standard.data,
    silent: "TempFailure data message host 4.4.2"
  },
  {
    name: "the message in one piece (CLASS-48)",
    upToHere: [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead")],
    patience: standard.block,
    silent: "TempFailure body message host 4.4.2"
  },
  {
    name: "the message as a stream (CLASS-48)",
    upToHere: [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead")],
    patience: standard.block,
    silent: "TempFailure body message host 4.4.2",
    parcel: streamed(pieces("Subject: Hello\r\n\r\n", large(40), large(40)))
  },
  {
    name: "the verdict, which stays unknown (CLASS-52)",
    upToHere: [...hello(), ...mail, ...rcpt(), expect("DATA"), reply("354 Go ahead"), expectContent(message)],
    patience: standard.verdict,
    silent: "TempFailure data-end message later 4.4.2 uncertain"
  }
]

// A server that reads nothing holds up whatever is longer than the lines before it.
const window = 50

const trySend = (stage: Stage) =>
  send(stage.parcel, stage.tls, stage.credentials === undefined ? {} : { credentials: stage.credentials })

describe("a server that falls silent", () => {
  for (const stage of stages) {
    it.effect(`${stage.name}: is waited for exactly as long as the timeouts say (SMTP-070)`, () =>
      Effect.gen(function* () {
        const play = against([[...stage.upToHere, stall]], trySend(stage), { window })
        const outcomes = yield* endsAfter(stage.patience, play)
        assert.deepStrictEqual(shown(outcomes), [stage.silent])
        assert.match(failureOf(outcomes).reason, / within /)
      })
    )
  }

  it.effect("at the connection request: is given up after the connect timeout (CLASS-13)", () =>
    Effect.gen(function* () {
      const outcomes = yield* endsAfter(standard.connect, against([], send(), { silent: true }))
      assert.deepStrictEqual(shown(outcomes), ["Unreachable connect host address 4.4.1"])
    })
  )

  it.effect("in the middle of a reply: half a reply buys it no time", () =>
    Effect.gen(function* () {
      const script = [...hello(), expectPrefix("MAIL "), Script.pause("4 minutes"), Script.send("250-2.1.0 "), stall]
      const outcomes = yield* endsAfter(standard.envelope, against([script], send()))
      assert.deepStrictEqual(shown(outcomes), ["TempFailure mail message host 4.4.2"])
    })
  )

  it.effect("each reply of a flight has its own time (SMTP-070)", () =>
    Effect.gen(function* () {
      const slow = [Script.pause("290 seconds"), reply("250 2.1.5 Ok")]
      const script = [
        ...hello("PIPELINING"),
        expectPrefix("MAIL "),
        expectPrefix("RCPT "),
        expect("DATA"),
        ...slow,
        ...slow,
        reply("354 Go ahead"),
        expectContent(message),
        Script.pause("590 seconds"),
        reply("250 2.0.0 Taken"),
        expect("QUIT")
      ]
      const outcomes = yield* endsAfter(Duration.seconds(290 + 290 + 590), against([script], send()))
      assert.deepStrictEqual(shown(outcomes), ["delivered 250"])
    })
  )
})

describe("a server that hangs up", () => {
  for (const stage of stages) {
    for (const end of [Script.close, Script.reset]) {
      it.effect(`${stage.name}: in the same way (${end === Script.reset ? "reset" : "in order"})`, () =>
        Effect.gen(function* () {
          const outcomes = yield* against([[...stage.upToHere, end]], trySend(stage), { window })
          assert.deepStrictEqual(shown(outcomes), [stage.silent])
          assert.match(failureOf(outcomes).reason, /the server (closed|reset) the connection/)
        })
      )
    }
  }
})

describe("a server that says 421 and hangs up", () => {
  const bye = [reply("421 4.3.2 Shutting down"), Script.close]
  const says = {
    "greeting (CLASS-16)": "TempFailure greeting host host 421 4.3.2",
    EHLO: "TempFailure ehlo host host 421 4.3.2",
    "STARTTLS (CLASS-25)": "Unreachable starttls host host 421 4.3.2",
    "EHLO under TLS": "TempFailure ehlo host host 421 4.3.2",
    AUTH: "TempFailure auth relay later 421 4.3.2",
    "MAIL (CLASS-35)": "TempFailure mail message host 421 4.3.2",
    "RCPT (CLASS-44)": "TempFailure rcpt recipient host 421 4.3.2",
    "DATA (CLASS-45)": "TempFailure data message later 421 4.3.2",
    "the message as a stream (CLASS-48)": "TempFailure data-end message later 421 4.3.2",
    "the verdict, which stays unknown (CLASS-52)": "TempFailure data-end message later 421 4.3.2"
  }
  for (const [name, expected] of Object.entries(says)) {
    const stage = stages.find((stage) => stage.name === name)
    if (stage === undefined) throw new Error(name)
    it.effect(`${name}: is taken at its word`, () =>
      Effect.gen(function* () {
        const outcomes = yield* against([[...stage.upToHere, ...bye]], trySend(stage))
        assert.deepStrictEqual(shown(outcomes), [expected])
        assert.strictEqual(failureOf(outcomes).reason, "Shutting down")
      })
    )
  }
})
