/** The part of a bounce that gives the message back (RFC 3461 section 6.2, RFC 6533 section 3). */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Encoding from "../Encoding.ts"
import type * as MessageError from "../MessageError.ts"
import * as Parcel from "../Parcel.ts"
import * as Part from "../Part.ts"
import { makeSplitter } from "./splitter.ts"

const nowhere = { write: () => {}, end: () => {} }

/** The header of a message, without the empty line after it; no more of a stream is read than that. */
export const headerOf = (body: Parcel.Body): Effect.Effect<Uint8Array, MessageError.MessageError> =>
  Effect.suspend(() => {
    const splitter = makeSplitter(nowhere)
    return body.stream.pipe(
      Stream.mapEffect((octets) => Effect.fromResult(splitter.write(octets))),
      Stream.takeUntil(() => splitter.isInBody()),
      Stream.runDrain,
      Effect.map(() => splitter.end())
    )
  })

// A notification goes to any server, whatever the message took.
const leaf = (type: string, bytes: Uint8Array): Part.Leaf => {
  const facts = Encoding.scan(bytes)
  const wide = Encoding.identity(facts) === "binary"
  const content = wide ? Part.octets(Encoding.quotedPrintable(bytes)) : Part.octets(bytes, facts)
  return {
    _tag: "Leaf",
    fields: [
      `Content-Type: ${type}\r\n`,
      `Content-Transfer-Encoding: ${wide ? "quoted-printable" : content.encoding}\r\n`
    ],
    content
  }
}

/**
 * The whole message when that is wanted, at hand and can be carried, else its header. A message that must only travel
 * over TLS is not given back (DSN-010).
 */
export const returned = (
  parcel: Parcel.Parcel,
  wanted: "full" | "headers"
): Effect.Effect<Part.Leaf, MessageError.MessageError> => {
  const { body, envelope } = Parcel.narrow(parcel, "7bit")
  const full = wanted === "full" && envelope.options.requireTls !== true && body.encoding !== "binary"
  return full && body.bytes !== undefined
    ? Effect.succeed(leaf(body.utf8Headers ? "message/global" : "message/rfc822", body.bytes))
    : Effect.map(headerOf(body), (header) =>
        leaf(body.utf8Headers ? "message/global-headers" : "text/rfc822-headers", header)
      )
}
