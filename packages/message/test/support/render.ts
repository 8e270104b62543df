/** Rendering for tests: always the same time and the same chance. */
import * as Encoding from "@effect-mail/message/Encoding"
import * as Message from "@effect-mail/message/Message"
import type * as MessageError from "@effect-mail/message/MessageError"
import type * as Parcel from "@effect-mail/message/Parcel"
import * as Render from "@effect-mail/message/Render"
import { Effect, Random, Result, Stream } from "effect"
import { refusal, string } from "./texts.ts"

export const base = Message.make({ from: "ada@example.com", to: "bob@example.com" })

export const render = (message: Message.Message): Effect.Effect<Parcel.Parcel, MessageError.MessageError> =>
  Render.render(message).pipe(Random.withSeed("effect-mail"))

/** What a parcel is in each encoding that it can go in, the widest first. */
export const renderings = (parcel: Parcel.Parcel): ReadonlyArray<Parcel.Parcel> => {
  const narrower = parcel.body.narrower?.()
  return narrower === undefined ? [parcel] : [parcel, ...renderings({ ...parcel, body: narrower })]
}

/** Rendering that uses no encoding wider than this. */
export const upTo = (widest: Encoding.Identity) => Effect.provideService(Encoding.CurrentWidest, widest)

/** All octets of a body, read from its stream. */
export const octets = (parcel: Parcel.Parcel): Effect.Effect<Uint8Array, MessageError.MessageError> =>
  Effect.map(Stream.runCollect(parcel.body.stream), (chunks) => Uint8Array.from(Buffer.concat(Array.from(chunks))))

export const text = (message: Message.Message) => Effect.map(Effect.flatMap(render(message), octets), string)

/** The header lines of a message, unfolded. */
export const header = (message: Message.Message) =>
  Effect.map(text(message), (all) =>
    all
      .slice(0, all.indexOf("\r\n\r\n"))
      .replace(/\r\n(?=[ \t])/g, "")
      .split("\r\n")
  )

/** The lines of one field. */
export const field = (message: Message.Message, name: string) =>
  Effect.map(header(message), (lines) => lines.filter((line) => line.startsWith(`${name}:`)))

export const refused = (message: Message.Message) => Effect.map(Effect.result(render(message)), refusal)

export const recipients = (parcel: Parcel.Parcel): ReadonlyArray<string> =>
  parcel.envelope.recipients.map(({ address }) => address)

export const succeeds = (message: Message.Message) => Effect.map(Effect.result(render(message)), Result.isSuccess)
