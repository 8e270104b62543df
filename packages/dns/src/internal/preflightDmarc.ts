/**
 * What receivers are asked to do with forged mail of a domain (DMARC-001).
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { finding, type Findings, records } from "./finding.ts"
import * as Tags from "./tags.ts"

// More labels than this are not walked up, as the DMARC tree walk has it.
const maxWalk = 8

const isDmarc = (text: string): boolean => /^v=DMARC1\s*(?:;|$)/.test(text)

// The record of the domain, or of the nearest domain above it.
const dmarcRecord = Effect.fnUntraced(function* (domain: string) {
  const labels = domain.split(".")
  const start = Math.max(1, labels.length - maxWalk + 1)
  const names = [domain, ...labels.slice(start).map((_, index) => labels.slice(start + index).join("."))]
  for (const name of names) {
    const found = (yield* records("dmarc", `_dmarc.${name}`, "TXT")).records.map(({ text }) => text).filter(isDmarc)
    if (found.length > 0) return { name, found }
  }
  return undefined
})

export const dmarcFindings = Effect.fnUntraced(function* (domain: string) {
  const record = yield* dmarcRecord(domain)
  const [text] = record?.found ?? []
  if (record === undefined || text === undefined) {
    return [
      finding(
        "dmarc",
        "error",
        `${domain} has no DMARC record; large receivers demand one of bulk senders. Publish at _dmarc.${domain} a TXT record such as "v=DMARC1; p=none; rua=mailto:dmarc@${domain}".`
      )
    ]
  }
  if (record.found.length > 1) {
    return [
      finding(
        "dmarc",
        "error",
        `There are ${record.found.length} DMARC records at _dmarc.${record.name}; receivers ignore them all then. Leave one.`
      )
    ]
  }
  const where = `The DMARC record at _dmarc.${record.name}`
  return Result.match(Tags.parse(text), {
    onFailure: (why) => [finding("dmarc", "error", `${where} is malformed: ${why}.`)],
    onSuccess: (tags) => policyOf(where, tags, record.name === domain)
  })
})

const policies: ReadonlySet<string | undefined> = new Set(["none", "quarantine", "reject"])

const policyOf = (where: string, tags: Tags.Tags, own: boolean): Findings => {
  const policy = (own ? undefined : tags.get("sp")) ?? tags.get("p")
  if (!policies.has(policy)) {
    return [finding("dmarc", "error", `${where} has no valid policy: write p=none, p=quarantine or p=reject.`)]
  }
  const reports = tags.get("rua")
  const bad = reports?.split(",").find((uri) => !/^\s*(?:mailto|https):[^\s,]+\s*$/i.test(uri))
  return [
    policy === "none"
      ? finding(
          "dmarc",
          "info",
          `${where} only watches (p=none). Forged mail is delivered; move on to quarantine or reject.`
        )
      : finding("dmarc", "ok", `${where} asks receivers to ${policy} mail that fails (p=${policy}).`),
    ...(reports === undefined
      ? [finding("dmarc", "info", `${where} asks for no reports (rua), so failures stay unseen.`)]
      : []),
    ...(bad === undefined
      ? []
      : [finding("dmarc", "warning", `${where} has a report address that is no mailto: or https: URI (rua).`)])
  ]
}
