/**
 * Whether there is a key of use at a DKIM selector (RFC 6376 section 3.6.1, RFC 8301, RFC 8463).
 */
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"
import * as Effect from "effect/Effect"
import { finding, type Findings, records } from "./finding.ts"
import * as Tags from "./tags.ts"

export const dkimFindings = Effect.fnUntraced(function* (domain: string, selector: string | undefined) {
  if (selector === undefined) {
    return [finding("dkim", "info", "The DKIM key was not checked, because no selector was given.")]
  }
  const name = `${selector}._domainkey.${domain}`
  const found = (yield* records("dkim", name, "TXT")).records
  const [record] = found
  if (record === undefined) {
    return [
      finding(
        "dkim",
        "error",
        `There is no DKIM key at ${name}; signatures with it fail. Publish the public key there.`
      )
    ]
  }
  if (found.length > 1) {
    return [
      finding("dkim", "error", `There are ${found.length} TXT records at ${name}; receivers may take any. Leave one.`)
    ]
  }
  return Result.match(Tags.parse(record.text), {
    onFailure: (why) => [finding("dkim", "error", `The DKIM key at ${name} is malformed: ${why}.`)],
    onSuccess: (tags) => keyFindings(name, tags)
  })
})

// RFC 6376 section 3.6.1, RFC 8301, RFC 8463.
const keyFindings = (name: string, tags: Tags.Tags): Findings => {
  const error = (text: string): Findings => [finding("dkim", "error", text)]
  const [first] = tags.keys()
  if (tags.has("v") && (tags.get("v") !== "DKIM1" || first !== "v")) {
    return error(`The DKIM key at ${name} must begin with v=DKIM1.`)
  }
  const key = tags.get("p")
  if (key === undefined) return error(`The DKIM record at ${name} has no key (p=).`)
  if (key === "") return error(`The DKIM key at ${name} is revoked (p= is empty). Sign with another selector.`)
  const bytes = Base64.decode(key.replaceAll(/\s/g, ""))
  if (Result.isFailure(bytes)) return error(`The DKIM key at ${name} is no base64. Publish it again.`)
  const hashes = tags
    .get("h")
    ?.split(":")
    .map((hash) => hash.trim())
  if (hashes !== undefined && !hashes.includes("sha256"))
    return error(`The DKIM key at ${name} does not allow sha256 (h=).`)
  const testing =
    tags
      .get("t")
      ?.split(":")
      .some((flag) => flag.trim() === "y") === true
  return [
    ...strength(name, tags.get("k") ?? "rsa", bytes.success.length),
    ...(testing
      ? [finding("dkim", "warning", `The DKIM key at ${name} is marked as a test (t=y), so receivers may ignore it.`)]
      : [])
  ]
}

// An RSA key of 1024 bits takes 140 octets or more with its wrapping, one of 2048 bits 270 or more.
const strength = (name: string, kind: string, octets: number): Findings => {
  if (kind === "ed25519") {
    return octets === 32
      ? [finding("dkim", "ok", `There is an Ed25519 key for DKIM at ${name}.`)]
      : [
          finding(
            "dkim",
            "error",
            `The Ed25519 key at ${name} has ${octets} octets instead of 32. Publish the bare key.`
          )
        ]
  }
  if (kind !== "rsa")
    return [finding("dkim", "error", `The DKIM key at ${name} is of the unknown kind "${kind.slice(0, 20)}" (k=).`)]
  if (octets < 140)
    return [
      finding("dkim", "error", `The RSA key at ${name} is shorter than 1024 bits; receivers ignore it. Use 2048 bits.`)
    ]
  if (octets < 270)
    return [finding("dkim", "warning", `The RSA key at ${name} is shorter than 2048 bits. Use 2048 bits (RFC 8301).`)]
  return [finding("dkim", "ok", `There is an RSA key of 2048 bits or more for DKIM at ${name}.`)]
}
