/** The registries of codes against the tables of the standards, row by row (RFC 5321, 3463, 5248 and the extensions). */
import { assert, describe, it } from "@effect/vitest"
import { EnhancedStatusRegistry, ReplyCode } from "@effect-mail/protocol"

const severities = { S: "positive", I: "intermediate", T: "transient", P: "permanent" } as const

const codes = [
  ["CODE-211", 211, "S"],
  ["CODE-214", 214, "S"],
  ["CODE-220", 220, "S"],
  ["CODE-221", 221, "S"],
  ["CODE-235", 235, "S"],
  ["CODE-250", 250, "S"],
  ["CODE-251", 251, "S"],
  ["CODE-252", 252, "S"],
  ["CODE-253", 253, "S"],
  ["CODE-334", 334, "I"],
  ["CODE-354", 354, "I"],
  ["CODE-355", 355, "I"],
  ["CODE-421", 421, "T"],
  ["CODE-422", 422, "T"],
  ["CODE-430", 430, "T"],
  ["CODE-432", 432, "T"],
  ["CODE-450", 450, "T"],
  ["CODE-451", 451, "T"],
  ["CODE-452", 452, "T"],
  ["CODE-453", 453, "T"],
  ["CODE-454", 454, "T"],
  ["CODE-455", 455, "T"],
  ["CODE-458", 458, "T"],
  ["CODE-459", 459, "T"],
  ["CODE-500", 500, "P"],
  ["CODE-501", 501, "P"],
  ["CODE-502", 502, "P"],
  ["CODE-503", 503, "P"],
  ["CODE-504", 504, "P"],
  ["CODE-521", 521, "P"],
  ["CODE-523", 523, "P"],
  ["CODE-524", 524, "P"],
  ["CODE-525", 525, "P"],
  ["CODE-530", 530, "P"],
  ["CODE-533", 533, "P"],
  ["CODE-534", 534, "P"],
  ["CODE-535", 535, "P"],
  ["CODE-538", 538, "P"],
  ["CODE-550", 550, "P"],
  ["CODE-551", 551, "P"],
  ["CODE-552", 552, "P"],
  ["CODE-553", 553, "P"],
  ["CODE-554", 554, "P"],
  ["CODE-555", 555, "P"],
  ["CODE-556", 556, "P"]
] as const

// Subject, detail, and the reply codes that RFC 5248's registry lists with them.
const statuses: ReadonlyArray<readonly [id: string, subject: number, detail: number, codes: ReadonlyArray<number>]> = [
  ["ESC-010", 0, 0, []],
  ["ESC-011", 1, 0, []],
  ["ESC-012", 1, 1, [451, 550]],
  ["ESC-013", 1, 2, []],
  ["ESC-014", 1, 3, [501]],
  ["ESC-015", 1, 4, []],
  ["ESC-016", 1, 5, [250]],
  ["ESC-017", 1, 6, []],
  ["ESC-018", 1, 7, []],
  ["ESC-019", 1, 8, [451, 501]],
  ["ESC-020", 1, 9, []],
  ["ESC-021", 1, 10, [556]],
  ["ESC-022", 2, 0, []],
  ["ESC-023", 2, 1, []],
  ["ESC-024", 2, 2, [552]],
  ["ESC-025", 2, 3, [552]],
  ["ESC-026", 2, 4, [450, 452]],
  ["ESC-027", 3, 0, [221, 250, 421, 451, 550, 554]],
  ["ESC-028", 3, 1, [452]],
  ["ESC-029", 3, 2, [453, 421]],
  ["ESC-030", 3, 3, []],
  ["ESC-031", 3, 4, [552, 554]],
  ["ESC-032", 3, 5, []],
  ["ESC-033", 3, 6, [250]],
  ["ESC-034", 4, 0, []],
  ["ESC-035", 4, 1, [451]],
  ["ESC-036", 4, 2, [421]],
  ["ESC-037", 4, 3, [451, 550]],
  ["ESC-038", 4, 4, []],
  ["ESC-039", 4, 5, [451]],
  ["ESC-040", 4, 6, []],
  ["ESC-041", 4, 7, []],
  ["ESC-042", 5, 0, [220, 250, 251, 252, 253, 451, 452, 454, 458, 459, 501, 502, 503, 554]],
  ["ESC-043", 5, 1, [430, 500, 501, 503, 530, 550, 554, 555]],
  ["ESC-044", 5, 2, [500, 501, 502, 550, 555]],
  ["ESC-045", 5, 3, [451, 452]],
  ["ESC-046", 5, 4, [451, 501, 502, 503, 504, 550, 555]],
  ["ESC-047", 5, 5, []],
  ["ESC-048", 5, 6, [500]],
  ["ESC-049", 6, 0, []],
  ["ESC-050", 6, 1, []],
  ["ESC-051", 6, 2, []],
  ["ESC-052", 6, 3, [554]],
  ["ESC-053", 6, 4, [250]],
  ["ESC-054", 6, 5, []],
  ["ESC-055", 6, 6, [554]],
  ["ESC-056", 6, 7, [550, 553]],
  ["ESC-057", 6, 8, [252, 550]],
  ["ESC-058", 6, 9, [554]],
  ["ESC-059", 7, 0, [220, 235, 450, 454, 500, 501, 503, 504, 530, 535, 550]],
  ["ESC-060", 7, 1, [451, 454, 502, 503, 533, 550, 551]],
  ["ESC-061", 7, 2, [550]],
  ["ESC-062", 7, 3, []],
  ["ESC-063", 7, 4, [504]],
  ["ESC-064", 7, 5, []],
  ["ESC-065", 7, 6, []],
  ["ESC-066", 7, 7, []],
  ["ESC-067", 7, 8, [535, 554]],
  ["ESC-068", 7, 9, [534]],
  ["ESC-069", 7, 10, [523]],
  ["ESC-070", 7, 11, [524, 538]],
  ["ESC-071", 7, 12, [422, 432]],
  ["ESC-072", 7, 13, [525]],
  ["ESC-073", 7, 14, [535, 554]],
  ["ESC-074", 7, 15, [450, 550]],
  ["ESC-075", 7, 16, [552]],
  ["ESC-076", 7, 17, []],
  ["ESC-077", 7, 18, []],
  ["ESC-078", 7, 19, []],
  ["ESC-079", 7, 20, [550]],
  ["ESC-079", 7, 21, [550]],
  ["ESC-079", 7, 22, [550]],
  ["ESC-080", 7, 23, [550]],
  ["ESC-080", 7, 24, [451, 550]],
  ["ESC-081", 7, 25, [550]],
  ["ESC-082", 7, 26, [550]],
  ["ESC-083", 7, 27, [550]],
  ["ESC-084", 7, 28, []],
  ["ESC-085", 7, 29, [550]],
  ["ESC-086", 7, 30, [550]]
]

// What each command may get, without the codes that any command may get.
const commands: ReadonlyArray<
  readonly [
    id: string,
    occasions: ReadonlyArray<ReplyCode.Occasion>,
    intermediate: ReadonlyArray<number>,
    success: ReadonlyArray<number>,
    failure: ReadonlyArray<number>
  ]
> = [
  ["CMD-001", ["connect"], [], [220], [554, 521, 421]],
  ["CMD-002", ["EHLO", "HELO", "LHLO"], [], [250], [504, 550, 502, 500, 501, 503]],
  ["CMD-003", ["MAIL"], [], [250], [552, 451, 452, 550, 553, 503, 455, 555, 530, 554]],
  ["CMD-004", ["RCPT"], [], [250, 251], [550, 551, 552, 553, 450, 451, 452, 503, 455, 555, 556]],
  ["CMD-005", ["DATA"], [354], [], [503, 554, 530]],
  ["CMD-006", ["data-end"], [], [250], [552, 554, 451, 452, 450, 550]],
  ["CMD-007", ["BDAT"], [], [250], [451, 452, 503, 552, 554]],
  ["CMD-008", ["RSET"], [], [250], []],
  ["CMD-009", ["VRFY"], [], [250, 251, 252], [550, 551, 553, 502, 504]],
  ["CMD-010", ["EXPN"], [], [250, 252], [550, 500, 502, 504]],
  ["CMD-011", ["HELP"], [], [211, 214, 250], [502, 504]],
  ["CMD-012", ["NOOP"], [], [250], []],
  ["CMD-013", ["QUIT"], [], [221], []],
  ["CMD-014", ["STARTTLS"], [], [220], [501, 454, 502, 503]],
  ["CMD-015", ["AUTH"], [334], [235], [432, 454, 500, 501, 503, 504, 530, 534, 535, 538]],
  ["CMD-016", ["ETRN"], [], [250, 251, 252, 253], [458, 459, 500, 501, 502]],
  ["CMD-017", ["XCLIENT"], [], [220], [421, 501, 503, 550]],
  ["CMD-018", ["XFORWARD"], [], [250], [421, 501, 503, 550]],
  ["CMD-019", ["SEND", "SOML", "SAML"], [], [250], [552, 451, 452, 550, 553, 503, 455, 555, 502, 450]],
  ["CMD-020", ["TURN"], [], [250], [502, 503]]
]

describe("the registry of reply codes", () => {
  it.each(codes)("%s: %i is known and of severity %s", (_, code, severity) => {
    assert.strictEqual(ReplyCode.find(code)?.severity, severities[severity])
    assert.strictEqual(ReplyCode.severityOf(code), severities[severity])
  })

  it("holds no code beyond the table", () => {
    assert.deepStrictEqual(
      ReplyCode.entries.map(({ code }) => code),
      codes.map(([, code]) => code)
    )
  })
})

describe("the registry of enhanced status codes", () => {
  it.each(statuses)("%s: X.%i.%i is known with its reply codes", (_, subject, detail, expected) => {
    const entry = EnhancedStatusRegistry.find(subject, detail)
    assert.isNotEmpty(entry?.meaning)
    for (const code of expected) assert.include(entry?.codes ?? [], code)
  })

  it("holds no status beyond the table", () => {
    assert.strictEqual(EnhancedStatusRegistry.entries.length, statuses.length)
  })
})

describe("what a command may get", () => {
  it.each(commands)("%s: %s", (_, occasions, intermediate, success, failure) => {
    for (const occasion of occasions) {
      for (const code of [...intermediate, ...success, ...failure]) {
        assert.isTrue(ReplyCode.isExpected(occasion, code), `${occasion} ${code}`)
      }
    }
  })
})
