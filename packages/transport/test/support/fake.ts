/** Transports that do what a test says, and remember what they were given. */
import { MessageError, type Parcel } from "@effect-mail/message"
import { Failure, Receipt } from "@effect-mail/protocol"
import type { Transport } from "@effect-mail/transport"
import { Effect, Schema } from "effect"

/** What becomes of a recipient. */
export const Fate = Schema.Literals(["delivered", "temp", "perm", "unreachable", "uncertain", "lacking"])
export type Fate = typeof Fate.Type

const base = { stage: "rcpt", scope: "recipient", reason: "as the test says" } as const

export const failures: Readonly<Record<Exclude<Fate, "delivered">, Failure.Failure>> = {
  temp: Failure.temp({ ...base, next: "later", code: 450 }),
  uncertain: Failure.temp({ ...base, stage: "data-end", next: "later", uncertain: true }),
  perm: Failure.perm({ ...base, next: "never", code: 550 }),
  lacking: Failure.perm({ ...base, stage: "mail", scope: "host", next: "host" }),
  unreachable: Failure.unreachable({ ...base, stage: "connect", scope: "host", next: "host" })
}

export const broken = MessageError.make("unreadable-file", "the file is gone")

/** A transport and the recipients it was asked to send to. */
export interface Fake {
  readonly transport: Transport.Transport["Service"]
  readonly asked: Array<string>
  readonly parcels: Array<Parcel.Parcel>
}

/** Every recipient meets the fate that `fateOf` gives; a `MessageError` is that of the whole. */
export const make = (fateOf: (recipient: string) => Fate | MessageError.MessageError = () => "delivered"): Fake => {
  const asked: Array<string> = []
  const parcels: Array<Parcel.Parcel> = []
  return {
    asked,
    parcels,
    transport: {
      send: Effect.fnUntraced(function* (parcel) {
        parcels.push(parcel)
        const outcomes: Array<Receipt.Outcome> = []
        for (const { address: recipient } of parcel.envelope.recipients) {
          asked.push(recipient)
          const fate = fateOf(recipient)
          if (typeof fate !== "string") return yield* fate
          outcomes.push(
            fate === "delivered"
              ? new Receipt.Delivered({ recipient, attempts: 1, code: 250, text: "Ok" })
              : new Receipt.Failed({ recipient, attempts: 1, failure: failures[fate] })
          )
        }
        return outcomes
      })
    }
  }
}

/** The words for outcomes. */
export const words = (outcomes: ReadonlyArray<Receipt.Outcome>): ReadonlyArray<string> =>
  outcomes.map((outcome) => `${outcome.recipient} ${Receipt.outcomeWord(outcome)}`)
