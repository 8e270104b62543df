/**
 * Turns the errors of Node.js's sockets into the reasons of a `WireError`, with a sentence that people can act on.
 *
 * @since 0.1.0
 */
import { WireError, type WireErrorReason } from "@effect-mail/transport/Wire"
import * as Predicate from "effect/Predicate"

interface Meaning {
  readonly reason: WireErrorReason
  readonly detail: string
  readonly hint?: string
}

const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: {
    reason: "refused",
    detail: "connection refused",
    hint: "Nobody listens there: is the server running, and are host and port right?"
  },
  EHOSTUNREACH: { reason: "refused", detail: "no route to the host" },
  ENETUNREACH: { reason: "refused", detail: "the network is unreachable" },
  ENOENT: { reason: "refused", detail: "no such socket" },
  ETIMEDOUT: { reason: "timeout", detail: "the connection timed out" },
  ECONNRESET: { reason: "reset", detail: "the server reset the connection" },
  EPIPE: { reason: "reset", detail: "the server closed the connection while we were writing" },
  ECONNABORTED: { reason: "reset", detail: "the connection was aborted" },
  ENOTFOUND: { reason: "name", detail: "the host name is not known", hint: "Check the spelling of the host name" },
  EAI_AGAIN: { reason: "name", detail: "the host name could not be looked up now" },
  EADDRINUSE: {
    reason: "local",
    detail: "the local port is in use",
    hint: "A local port of one's own allows one connection to a server at a time"
  },
  EADDRNOTAVAIL: { reason: "local", detail: "the local address is not available on this machine" },
  EMFILE: { reason: "local", detail: "this process has too many open files" },
  ENFILE: { reason: "local", detail: "this machine has too many open files" },
  EACCES: { reason: "local", detail: "this process may not connect there" },
  EPERM: { reason: "local", detail: "this process may not connect there" },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    reason: "tls",
    detail: "the server does not speak TLS from the first byte",
    hint: "Use smtp:// (STARTTLS) for this port instead of smtps://"
  },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: {
    reason: "tls",
    detail: "the server does not speak TLS from the first byte",
    hint: "Use smtp:// (STARTTLS) for this port instead of smtps://"
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    reason: "tls",
    detail: "the certificate is for another host name",
    hint: "Connect by the name in the certificate"
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    reason: "tls",
    detail: "the certificate is self-signed",
    hint: "Trust it with a CA file if it is yours"
  },
  SELF_SIGNED_CERT_IN_CHAIN: {
    reason: "tls",
    detail: "the certificate was issued by an unknown authority",
    hint: "Trust that authority with a CA file if it is yours"
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    reason: "tls",
    detail: "the certificate was issued by an unknown authority",
    hint: "Trust that authority with a CA file if it is yours"
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    reason: "tls",
    detail: "the certificate was issued by an unknown authority",
    hint: "Trust that authority with a CA file if it is yours"
  },
  CERT_HAS_EXPIRED: { reason: "tls", detail: "the certificate has expired" },
  ERR_SSL_UNSUPPORTED_PROTOCOL: { reason: "tls", detail: "the server speaks only old versions of TLS" },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: {
    reason: "tls",
    detail: "the server does not speak the TLS versions allowed here"
  },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: {
    reason: "tls",
    detail: "the server wants a client certificate",
    hint: "Give the dialer a client certificate and its key"
  },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: { reason: "tls", detail: "the server does not trust the client certificate" },
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: { reason: "tls", detail: "the server has no certificate for this host name" },
  CERT_NOT_YET_VALID: { reason: "tls", detail: "the certificate is not valid yet" }
}

const codeOf = (cause: unknown): string | undefined => {
  if (!Predicate.hasProperty(cause, "code") || typeof cause.code !== "string") return undefined
  return cause.code
}

/**
 * The wire error that an error of Node.js stands for. `during` is what was going on when the code itself does not tell.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSystemError = (cause: unknown, during: WireErrorReason): WireError => {
  const code = codeOf(cause)
  const meaning = find(code)
  if (meaning !== undefined) return new WireError({ ...meaning, cause })
  const reason = code?.startsWith("ERR_SSL_") === true || code?.startsWith("ERR_TLS_") === true ? "tls" : during
  return new WireError({ reason, detail: sentenceOf(cause), cause })
}

const find = (code: string | undefined): Meaning | undefined =>
  code === undefined || !Object.hasOwn(meanings, code) ? undefined : meanings[code]

// OpenSSL's own words without its source files and line numbers.
const sentenceOf = (cause: unknown): string => {
  if (Predicate.hasProperty(cause, "reason") && typeof cause.reason === "string") return cause.reason
  return cause instanceof Error ? cause.message : "the connection failed"
}

/**
 * What an error of Node.js, or its code, says, as a sentence.
 *
 * @category formatting
 * @since 0.1.0
 */
export const meaningOf = (error: unknown): string => {
  const code = typeof error === "string" ? error : codeOf(error)
  return find(code)?.detail ?? code ?? sentenceOf(error)
}
