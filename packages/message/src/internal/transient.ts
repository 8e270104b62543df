/**
 * The bodies that can be read with little memory, as long as nobody keeps what was read. They are found by their streams: whoever
 * makes another stream of one, such as a copy for an archive, has a body whose pieces last.
 */
import type { Body } from "../Parcel.ts"

type Octets = Body["stream"]

const transients = new WeakMap<Octets, Octets>()

/** A stream whose pieces last, which knows one that gives the same octets in pieces that do not. */
export const lasting = (stream: Octets, transient: Octets): Octets => {
  transients.set(stream, transient)
  return stream
}

/** What a function makes of a stream, and of the one that it knows. */
export const mapLasting = (stream: Octets, f: (stream: Octets) => Octets): Octets => {
  const transient = transients.get(stream)
  return transient === undefined ? f(stream) : lasting(f(stream), f(transient))
}

/** The stream whose pieces hold until the next is asked for; the same stream when there is none. */
export const transientOf = (stream: Octets): Octets => transients.get(stream) ?? stream
