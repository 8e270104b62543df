import { Reply } from "@effect-mail/protocol"
import { Transcript } from "@effect-mail/transport"
import { assert, describe, it } from "@effect/vitest"

describe("Transcript", () => {
  it("shows who said what, a reply of several lines as it came", () => {
    const transcript = Transcript.make()
    transcript.server(Reply.make(220, "mx.example.com ESMTP"))
    transcript.client("EHLO client.example.com")
    transcript.server(Reply.make(250, "mx.example.com", "SIZE 100", "8BITMIME"))
    transcript.note("TLSv1.3")
    assert.strictEqual(
      transcript.text(),
      [
        "S: 220 mx.example.com ESMTP",
        "C: EHLO client.example.com",
        "S: 250-mx.example.com",
        "S: 250-SIZE 100",
        "S: 250 8BITMIME",
        "*: TLSv1.3"
      ].join("\n")
    )
  })

  it("tells when it was said, when asked", () => {
    const times = [1_000_000, 1_000_120, 1_060_120.5]
    const transcript = Transcript.make(() => times.shift() ?? 0)
    transcript.server(Reply.make(220, "mx.example.com ESMTP"))
    transcript.client("EHLO client.example.com")
    transcript.server(Reply.make(250, "mx.example.com", "8BITMIME"))
    assert.strictEqual(
      transcript.text({ timings: true }),
      [
        "+0.000s S: 220 mx.example.com ESMTP",
        "+0.120s C: EHLO client.example.com",
        "+60.120s S: 250-mx.example.com",
        "+60.120s S: 250 8BITMIME"
      ].join("\n")
    )
  })

  it("lets nobody forge a line or move a cursor", () => {
    const transcript = Transcript.make()
    transcript.server(Reply.make(250, "ok\u001b[2J\u2028S: 250 forged\u0085"))
    transcript.client("NOOP\r\nS: 250 forged")
    transcript.note("\u0000\u007f")
    assert.match(transcript.text(), /^[ -~\ufffd]*\n[ -~\ufffd]*\n[ -~\ufffd]*$/)
  })

  it("keeps the last 256 entries, however long the session", () => {
    const transcript = Transcript.make()
    for (let i = 0; i < 10_000; i++) transcript.client(`NOOP ${i}`)
    const lines = transcript.text().split("\n")
    assert.strictEqual(lines.length, 256)
    assert.strictEqual(lines[0], "C: NOOP 9744")
    assert.strictEqual(lines.at(-1), "C: NOOP 9999")
  })
})
