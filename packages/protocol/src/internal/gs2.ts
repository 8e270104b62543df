/**
 * The header and the attributes that SCRAM and OAUTHBEARER have in common (RFC 5801 section 4). `,` and `=` would end a
 * name, so they are written as `=2C` and `=3D`.
 */
import * as Bytes from "effect/Bytes"
import * as Base64 from "effect/encoding/Base64"
import * as Octets from "./octets.ts"

export const escapeName = (name: string): string => name.replaceAll("=", "=3D").replaceAll(",", "=2C")

/** The name, or undefined when a `=` stands for nothing. */
export const unescapeName = (escaped: string): string | undefined =>
  /=(?!2C|3D)/.test(escaped) ? undefined : escaped.replaceAll("=2C", ",").replaceAll("=3D", "=")

/** The `a=` part of the header: empty when no other identity is asked for. */
export const authorization = (authzid: string): string => (authzid === "" ? "" : `a=${escapeName(authzid)}`)

/** The value of a part such as `r=...`, undefined when something else stands there. */
export const attribute = (name: string, part: string | undefined): string | undefined =>
  part?.startsWith(`${name}=`) === true ? part.slice(name.length + 1) : undefined

/** What the `c=` of SCRAM repeats: the header and what the TLS session gives to bind to, in base64. */
export const boundHeader = (header: string, bound: Uint8Array = Octets.empty): string =>
  Base64.encode(Bytes.concat([Octets.utf8(header), bound]))
